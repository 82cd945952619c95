/** A code of the shared table; {@link errorCodes} says what each means. */
export type AglErrorCode =
  | 'invalid_argument'
  | 'not_found'
  | 'conflict'
  | 'context_length_exceeded'
  | 'storage_full'
  | 'gone'
  | 'cursor_expired'
  | 'not_supported'
  | 'closed'
  | 'timeout'
  | 'upstream_failed'
  | 'unauthorized'
  | 'forbidden'
  | 'not_supported_by_server'
  | 'model_worker_died'
  | 'agent_failed'
  | 'no_runners'
  | 'training_failed'
  | 'missing_package'
  | 'internal'

/**
 * Every error code of AGL, with the HTTP status it travels as and whether the same call may succeed later.
 * One table for local errors and HTTP bodies. Packages may add codes of their own; these are the shared ones.
 */
export const errorCodes: Readonly<Record<AglErrorCode, { readonly status: number; readonly isRetryable: boolean }>> = {
  /** An argument or option has the wrong type, is out of range, or is not known. */
  invalid_argument: { status: 400, isRetryable: false },
  /** The rollout, attempt, resources, model or version named does not exist. */
  not_found: { status: 404, isRetryable: false },
  /** The call does not fit the present state, for example a lease that has passed to somebody else. */
  conflict: { status: 409, isRetryable: false },
  /** A prompt does not fit the context of the model. */
  context_length_exceeded: { status: 400, isRetryable: false },
  /** Accepting more would break the store's memory bound. */
  storage_full: { status: 507, isRetryable: true },
  /** It was there and has been dropped by retention. */
  gone: { status: 410, isRetryable: false },
  /** Too much has happened since the cursor of a `watch`: read the present state and watch from now on. */
  cursor_expired: { status: 410, isRetryable: false },
  /** This store or backend does not have the feature; its capabilities say what it has. */
  not_supported: { status: 501, isRetryable: false },
  /** The component has been closed, or was never started. */
  closed: { status: 503, isRetryable: false },
  /** A deadline passed before the work was done. */
  timeout: { status: 504, isRetryable: true },
  /** A service that was called (a model, a store server) failed or could not be reached. */
  upstream_failed: { status: 502, isRetryable: true },
  /** No or wrong credentials. */
  unauthorized: { status: 401, isRetryable: false },
  /** The credentials do not allow this. */
  forbidden: { status: 403, isRetryable: false },
  /** The server of a remote store is older, or the Python one, and does not have the verb. */
  not_supported_by_server: { status: 501, isRetryable: false },
  /** The thread or process that runs the model is gone. */
  model_worker_died: { status: 503, isRetryable: false },
  /** Agent code threw, or returned something a rollout cannot return. */
  agent_failed: { status: 500, isRetryable: false },
  /** No runner is left to do the work that an algorithm waits for. */
  no_runners: { status: 503, isRetryable: false },
  /** A training run cannot go on, for example because nothing was left to learn from. */
  training_failed: { status: 500, isRetryable: false },
  /** A package that this configuration needs is not installed. */
  missing_package: { status: 500, isRetryable: false },
  /** A defect of AGL itself. */
  internal: { status: 500, isRetryable: false },
}

/** What an error is made from. */
export interface AglErrorOptions {
  /** A code of {@link errorCodes}, or a package's own. */
  readonly code: AglErrorCode | (string & {})
  /** What was expected, what came, and what to do. */
  readonly message: string
  /** Facts for programs: ids, limits, the values that were refused. Never secrets. */
  readonly data?: Readonly<Record<string, unknown>>
  /** The error that led to this one. */
  readonly cause?: unknown
  /** Whether the same call may succeed later. Default: as the table says for the code, else false. */
  readonly isRetryable?: boolean
}

const brand = Symbol.for('agl.error')

/** The one error family of AGL. Test with {@link AglError.isInstance}, which also holds across two copies of this package. */
export class AglError extends Error {
  static {
    Object.defineProperty(this.prototype, brand, { value: true })
  }

  override readonly name: string = 'AglError'
  readonly code: string
  readonly data: Readonly<Record<string, unknown>>
  readonly isRetryable: boolean

  constructor(options: AglErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = options.code
    this.data = options.data ?? {}
    this.isRetryable = options.isRetryable ?? (isSharedCode(options.code) && errorCodes[options.code].isRetryable)
  }

  /** True for an AglError of this or any other copy of the package; with `code`, only for that code. */
  static isInstance(value: unknown, code?: string): value is AglError {
    return (
      typeof value === 'object' &&
      value !== null &&
      brand in value &&
      (code === undefined || ('code' in value && value.code === code))
    )
  }
}

function isSharedCode(code: string): code is AglErrorCode {
  return Object.hasOwn(errorCodes, code)
}

/** The text of anything that was thrown, for messages and logs; never throws itself. */
export function errorMessage(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return String(thrown.message)
    return typeof thrown === 'object' && thrown !== null ? JSON.stringify(thrown) : String(thrown)
  } catch {
    return 'a value that has no text'
  }
}

/** {@link errorMessage} of what an error was made from: `fetch` says only that it failed, what happened stands in the cause. */
export function rootMessage(thrown: unknown): string {
  return errorMessage(thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown)
}
