import { AglError, type Attempt, type AttemptedRollout, type AttemptUpdate, errorMessage, type JsonObject } from '@agl/types'
import type { ActiveAttempt, Ending } from './attempt.ts'
import { handBack } from './leases.ts'
import type { ResolvedOptions } from './options.ts'
import { retry } from './retry.ts'

/** How long a result is offered to a store that is away, in leases; the lease is renewed meanwhile. */
const leasesToSettle = 10

/**
 * Writes how an attempt ended. A store that is away is asked again for ten leases, or until the attempt is abandoned; whoever
 * gives up then lets the lease run out, and the store settles the attempt itself.
 */
export async function settleAttempt(
  { claimed, abandoned }: Pick<ActiveAttempt, 'claimed' | 'abandoned'>,
  ending: Ending,
  options: ResolvedOptions,
): Promise<Attempt | null> {
  const ids = { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
  const write = async (change: Omit<AttemptUpdate, 'rolloutId' | 'attemptId'>): Promise<Attempt | null> => {
    try {
      return await options.store.updateAttempt({ ...ids, ...change })
    } catch (error) {
      if (!AglError.isInstance(error) || error.code !== 'not_supported_by_server' || change.outcome === undefined) throw error
      const { outcome, ...known } = change
      // A Python server keeps no outcomes, and would take a rollout from `cancelled` to what its attempt says.
      return outcome === 'cancelled' ? null : await options.store.updateAttempt({ ...ids, ...known })
    }
  }
  const settle = async (): Promise<Attempt | null> => {
    switch (ending.kind) {
      case 'returned':
        return await write({ status: 'succeeded' })
      case 'agent_error':
      case 'infra_error':
        return await write({ status: 'failed', outcome: ending.kind, metadata: reasonFor(claimed, ending.error) })
      case 'stopped':
        switch (ending.reason) {
          case 'timeout':
            return await write({ status: 'timeout', outcome: 'timeout' })
          case 'cancelled':
            return await write({ status: 'failed', outcome: 'cancelled' })
          case 'shutdown':
            await handBack(options.store, ids)
            return null
          case 'superseded':
            // For itself alone: somebody else has the rollout, but its lease would keep a slot of this runner until it is over.
            await handBack(options.store, ids).catch(unlessNotFound)
            return null
          default:
            return ending.reason satisfies never
        }
      default:
        return ending satisfies never
    }
  }
  try {
    const settling = retry(settle, {
      forMs: leasesToSettle * options.leaseMs,
      signal: abandoned,
      counted: { call: 'settle', retries: options.measures.storeRetries },
    })
    return await unlessAborted(settling, abandoned)
  } catch (error) {
    options.logger.error('An attempt could not be settled; the store ends it when its time is over', {
      ...ids,
      error: errorMessage(error),
    })
    return null
  }
}

/** Settles as `work` does, or with the reason of the signal; a call that is under way then is left behind. */
async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** A rollout that was deleted holds nothing. */
function unlessNotFound(error: unknown): void {
  if (!AglError.isInstance(error, 'not_found')) throw error
}

function reasonFor(claimed: AttemptedRollout, error: unknown): JsonObject {
  const reason: JsonObject = {
    message: shorten(errorMessage(error)),
    ...(AglError.isInstance(error) ? { code: error.code } : {}),
    ...(stackOf(error) === null ? {} : { stack: shorten(stackOf(error)!) }),
  }
  return { ...claimed.attempt.metadata, error: reason }
}

/** A reason is for people; megabytes of it would be kept with the attempt for ever. */
const longestReason = 10_000

function shorten(text: string): string {
  return text.length <= longestReason ? text : `${text.slice(0, longestReason)}… (${text.length} characters)`
}

/** Anything can be thrown, also what throws when it is looked at. */
function stackOf(error: unknown): string | null {
  try {
    return error instanceof Error && typeof error.stack === 'string' ? error.stack : null
  } catch {
    return null
  }
}
