import type { Clock } from '@agl/store-kit'
import type { AglError, Counter, Logger } from '@agl/types'
import { afterTries } from './errors.ts'
import type { RetryOptions } from './options.ts'
import { pause } from './scopes.ts'
import type { Server, ServerPool } from './servers.ts'

/** Why a try gave nothing. */
export interface Failure {
  readonly error: AglError
  /** Whether the same request may be answered otherwise a little later. */
  readonly isTransient: boolean
  /** Whether this server is the problem, so that another one may answer. */
  readonly isOfServer: boolean
  /** Whether the server may have carried the request out. */
  readonly mayBeDone: boolean
  /** What the server asked to wait, in milliseconds; null = it did not say. */
  readonly retryAfterMs: number | null
}

export type Outcome<Value> = { readonly value: Value } | { readonly failure: Failure }

export interface RetryParts {
  readonly pool: ServerPool
  readonly retry: Readonly<Required<RetryOptions>>
  readonly clock: Pick<Clock, 'wait'>
  readonly random: () => number
  readonly logger: Logger
  /** Counts what is sent again. */
  readonly retries: Counter
}

/** A server that wants to be left alone for longer is asked no sooner than this all the same, in milliseconds. */
const longestRetryAfterMs = 60_000

/**
 * Tries until one try gives a value. A try asks the servers in turn, from the one that answered last; between tries there is
 * a random pause that grows (full jitter), so that the clients of a server that comes back do not come all at once.
 * @param isRepeatable whether the request may be sent again when it may have been carried out
 * @returns with `isRepeated`: whether an earlier try may have been carried out, so that the answer tells of the state after it
 */
export async function withRetries<Value>(
  parts: RetryParts,
  request: { readonly signal: AbortSignal; readonly isRepeatable: boolean },
  attempt: (server: Server) => Promise<Outcome<Value>>,
): Promise<{ readonly value: Value; readonly isRepeated: boolean }> {
  const { pool, retry, clock, random, logger, retries } = parts
  const { signal, isRepeatable } = request
  let isRepeated = false
  for (let tries = 1; ; tries++) {
    let last: Failure | null = null
    for (let asked = 0; asked < pool.size; asked++) {
      signal.throwIfAborted()
      const server = pool.current()
      if (tries > 1 || asked > 0) retries.add(1)
      const outcome = await attempt(server)
      if ('value' in outcome) return { value: outcome.value, isRepeated }
      const { failure } = outcome
      signal.throwIfAborted()
      last = failure
      if (!failure.isTransient || (failure.mayBeDone && !isRepeatable)) throw afterTries(failure.error, tries)
      isRepeated ||= failure.mayBeDone
      if (!failure.isOfServer) break
      if (pool.size > 1) {
        pool.leave(server)
        logger.warn('a server failed; asking the next one', { error: failure.error.message, next: pool.current().url })
      }
    }
    if (last === null || tries >= retry.attempts) throw afterTries(last!.error, tries)
    const jitter = random() * Math.min(retry.maxMs, retry.baseMs * 2 ** (tries - 1))
    const milliseconds = Math.min(Math.max(jitter, last.retryAfterMs ?? 0), longestRetryAfterMs)
    logger.debug('a request failed; it is sent again', { error: last.error.message, tries, milliseconds })
    await pause(clock, milliseconds, signal)
  }
}

/** What `Retry-After` says, in milliseconds: seconds or a date. */
export function retryAfterOf(header: string | null): number | null {
  if (header === null) return null
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now())
}
