import { AglError, errorCodes, errorMessage } from '@agl/types'
import type { RequestProblem } from './completion-request.ts'

/** An error as the OpenAI API writes it. */
export interface ApiError {
  readonly status: number
  readonly body: {
    readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string }
  }
}

export function refusal({ message, param, code }: RequestProblem): ApiError {
  return apiError(400, message, code, param)
}

/** Anything that was thrown while a request was served. */
export function failure(thrown: unknown): ApiError {
  if (AglError.isInstance(thrown)) {
    if (thrown.code === 'not_found') return apiError(404, thrown.message, 'model_not_found', 'model')
    const param = thrown.code === 'context_length_exceeded' ? 'messages' : null
    return apiError(statusOf(thrown.code), thrown.message, thrown.code, param)
  }
  const status = bodyParserStatus(thrown)
  if (status !== undefined) return apiError(status, errorMessage(thrown), 'invalid_body')
  return apiError(500, 'The server failed; its log says more.', 'internal')
}

export function unknownRoute(method: string, path: string): ApiError {
  return apiError(404, `There is no ${method} ${path}.`, 'unknown_url')
}

function apiError(status: number, message: string, code: string, param: string | null = null): ApiError {
  return { status, body: { error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error', param, code } } }
}

function statusOf(code: string): number {
  return new Map<string, { readonly status: number }>(Object.entries(errorCodes)).get(code)?.status ?? 500
}

/** express.json marks what it refuses (no JSON, too large) with a status of 4xx. */
function bodyParserStatus(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('status' in thrown)) return undefined
  return typeof thrown.status === 'number' && thrown.status >= 400 && thrown.status < 500 ? thrown.status : undefined
}
