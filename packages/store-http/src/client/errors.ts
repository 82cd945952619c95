import { AglError, errorMessage, isPlainObject } from '@agl/types'
import type { Server } from './servers.ts'

/** What was asked of whom, for messages; the path without its query. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly server: Server
}

export function describeAsked({ method, path, server }: Asked): string {
  return `${method} ${path} of ${server.url}`
}

/** What a status means where no code of ours comes with it. */
const codesByStatus: ReadonlyMap<number, string> = new Map([
  [400, 'invalid_argument'],
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [404, 'not_found'],
  [408, 'timeout'],
  [409, 'conflict'],
  [410, 'gone'],
  [413, 'invalid_argument'],
  [422, 'invalid_argument'],
  [501, 'not_supported'],
  [504, 'timeout'],
  [507, 'storage_full'],
])

/** Whether the same request may be answered otherwise a little later. */
export function isTransient(status: number, error: AglError): boolean {
  if (status === 501) return error.isRetryable && error.code !== 'not_supported'
  // It will be full until work has ended: whoever called has to know.
  if (status === 507) return false
  // What is over for good. A server that only closes says that others may be asked.
  if (error.code === 'closed' && !error.isRetryable) return false
  return status === 408 || status === 429 || (status >= 500 && !isFinalOfReference(error))
}

/** Of the reference every refusal is a 500: these come again however often one asks. */
function isFinalOfReference({ code, data }: AglError): boolean {
  return typeof data.errorType === 'string' && (code === 'not_found' || code === 'gone' || code === 'invalid_argument')
}

/** The error that a reply tells of, in its own words where it has some. */
export function errorOfReply(asked: Asked, status: number, body: unknown): AglError {
  const { detail, code, data, is_retryable: isRetryable, error_type: errorType, traceback } = isPlainObject(body) ? body : {}
  if (typeof code === 'string' && code !== 'internal') {
    return new AglError({
      code,
      message: wordsOf(detail) ?? `${describeAsked(asked)} was refused with ${code}.`,
      data: isPlainObject(data) ? data : {},
      ...(typeof isRetryable === 'boolean' ? { isRetryable } : {}),
    })
  }
  if (typeof errorType === 'string') {
    const raised = errorOfPython(errorType, traceback)
    if (raised !== null) return raised
  }
  const words = wordsOf(detail)
  const facts = { status, method: asked.method, path: asked.path, server: asked.server.url }
  return new AglError({
    code: codesByStatus.get(status) ?? (code === 'internal' ? code : 'upstream_failed'),
    // Texts that clients match on stay as they are.
    message:
      words !== null && status < 500 && status !== 404
        ? words
        : `${describeAsked(asked)} answered ${status}${words === null ? '' : `: ${words}`}`,
    data: typeof errorType === 'string' ? { ...facts, errorType } : facts,
  })
}

function wordsOf(detail: unknown): string | null {
  if (typeof detail === 'string' && detail !== '') return detail
  if (!Array.isArray(detail)) return null
  const problems = detail.map((problem) => {
    const { loc, msg } = isPlainObject(problem) ? problem : {}
    return `${Array.isArray(loc) ? loc.join('.') : '?'}: ${String(msg)}`
  })
  return `Invalid request: ${problems.join('; ')}`
}

const wordsOfUnknown = /not found|does not exist|No attempts found/
const wordsOfGone = /have been evicted/

/** The reference tells what it raised only in the last line of its traceback. */
function errorOfPython(errorType: string, traceback: unknown): AglError | null {
  if (typeof traceback !== 'string') return null
  const last = traceback.trimEnd().split('\n').at(-1) ?? ''
  const message = last.startsWith(`${errorType}: `) ? last.slice(errorType.length + 2) : ''
  const code = wordsOfUnknown.test(message) ? 'not_found' : wordsOfGone.test(message) ? 'gone' : null
  return code === null ? null : new AglError({ code, message, data: { errorType } })
}

/** A reply that is none of ours. */
export function badReply(asked: Asked, problem: string, cause?: unknown): AglError {
  return new AglError({
    code: 'upstream_failed',
    message: `${describeAsked(asked)}: ${problem} Is this the URL of an AGL store?`,
    data: { method: asked.method, path: asked.path, server: asked.server.url },
    isRetryable: false,
    ...(cause === undefined ? {} : { cause }),
  })
}

export function redirected(asked: Asked, status: number): AglError {
  return badReply(asked, `answered ${status}, a redirect, which is not followed; give the URL that it leads to.`)
}

/** No reply came. */
export function unreachable(asked: Asked, cause: unknown): AglError {
  return new AglError({
    code: 'upstream_failed',
    message: `${describeAsked(asked)} could not be reached: ${reasonOf(cause)}`,
    data: { method: asked.method, path: asked.path, server: asked.server.url },
    cause,
  })
}

export function tooLate(asked: Asked, milliseconds: number): AglError {
  return new AglError({
    code: 'timeout',
    message: `${describeAsked(asked)} gave no whole reply within ${milliseconds} ms`,
    data: { method: asked.method, path: asked.path, server: asked.server.url, milliseconds },
  })
}

/** `fetch` says "fetch failed"; what happened is in its cause, or in the list of what was tried. */
function reasonOf(thrown: unknown): string {
  const { cause } = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as { readonly cause?: unknown }
  const inner = cause ?? thrown
  const { errors, code } = (typeof inner === 'object' && inner !== null ? inner : {}) as {
    readonly errors?: readonly unknown[]
    readonly code?: unknown
  }
  const first = Array.isArray(errors) ? errors[0] : undefined
  return errorMessage(first ?? inner) || (typeof code === 'string' ? code : errorMessage(thrown))
}

/** Failures of which the server cannot have seen anything. */
const neverSent: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  // There is no such socket.
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

export function wasNeverSent(thrown: unknown): boolean {
  const { cause, code, errors } = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as {
    readonly cause?: unknown
    readonly code?: unknown
    readonly errors?: unknown
  }
  if (neverSent.has(code)) return true
  if (Array.isArray(errors) && errors.length > 0) return errors.every(wasNeverSent)
  return cause !== undefined && wasNeverSent(cause)
}

/** The same error, with how often it was tried. Errors in the words of the server stay as they are. */
export function afterTries(error: AglError, tries: number): AglError {
  if (tries === 1 || !('server' in error.data)) return error
  return new AglError({
    code: error.code,
    message: `${error.message} (after ${tries} tries)`,
    data: { ...error.data, tries },
    isRetryable: error.isRetryable,
    cause: error.cause ?? error,
  })
}

/** A verb or option that the server, the Python one, does not have. @param what for example `\`leaseMs\`` */
export function notSupportedByServer(what: string, verb: string, server: string): AglError {
  return new AglError({
    code: 'not_supported_by_server',
    message: `The server at ${server} is not one of ours and has no ${what} (${verb}). Leave it out, or run \`agl store\` of AGL for TypeScript.`,
    data: { verb, what, server },
  })
}
