import { AglError, errorCodes } from '@agl/types'

/** The body of an answer that is no success. */
export interface ErrorBody {
  /** What a Python client shows; a list where FastAPI answers one. */
  readonly detail: unknown
  readonly code: string
  readonly data: Readonly<Record<string, unknown>>
  readonly is_retryable: boolean
  /** The class of exception that the Python server would have named. */
  readonly error_type?: string
}

/** The classes that the reference raises where we have a code. */
const errorTypes: Readonly<Record<string, string>> = { not_found: 'ValueError', conflict: 'ValueError', gone: 'RuntimeError' }

/** How an error travels. An error without a code of ours is a defect, of which nobody outside is told more than that. */
export function toErrorReply(error: unknown): { readonly status: number; readonly body: ErrorBody } {
  if (!AglError.isInstance(error)) {
    return { status: 500, body: { detail: 'Internal server error', code: 'internal', data: {}, is_retryable: false } }
  }
  const { code, message, data, isRetryable } = error
  const { status: own, ...rest } = data
  const known = Object.hasOwn(errorCodes, code) ? errorCodes[code as keyof typeof errorCodes].status : 500
  const type = errorTypes[code]
  return {
    status: typeof own === 'number' ? own : known,
    body: {
      detail: rest.detail ?? message,
      code,
      data: toPlain(rest),
      is_retryable: isRetryable,
      ...(type === undefined ? {} : { error_type: type }),
    },
  }
}

/** Facts for programs, as far as JSON can say them. */
function toPlain(data: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { detail: _, ...facts } = data
  try {
    return JSON.parse(JSON.stringify(facts)) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}
