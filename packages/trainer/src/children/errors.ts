import { AglError, errorMessage, jsonOffender, type JsonObject } from '@agl/types'
import type { ChildError } from './protocol.ts'

export function packError(error: unknown): ChildError {
  const isOurs = AglError.isInstance(error)
  return {
    code: isOurs ? error.code : 'internal',
    message: errorMessage(error),
    isRetryable: isOurs && error.isRetryable,
    data: isOurs && jsonOffender(error.data) === null ? (error.data as JsonObject) : {},
    stack: error instanceof Error && typeof error.stack === 'string' ? error.stack : null,
  }
}

export function unpackError({ code, message, isRetryable, data, stack }: ChildError): AglError {
  const error = new AglError({ code, message, isRetryable, data })
  // Where it happened says more than where it was read.
  if (stack !== null) error.stack = stack
  return error
}
