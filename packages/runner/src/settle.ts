import { AglError, type AttemptedRollout, type AttemptUpdate, errorMessage, type JsonObject } from '@agl/types'
import type { Ending } from './attempt.ts'
import type { ResolvedOptions } from './options.ts'
import { retry } from './retry.ts'

/** How long a result is offered to a store that is away, in leases; the lease is renewed meanwhile. */
const leasesToSettle = 10

/**
 * Writes how an attempt ended. A store that is away is asked again for ten leases; whoever gives up then lets the lease run
 * out, and the store settles the attempt itself.
 */
export async function settleAttempt(claimed: AttemptedRollout, ending: Ending, options: ResolvedOptions): Promise<void> {
  const ids = { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
  const write = async (): Promise<unknown> => {
    switch (ending.kind) {
      case 'returned':
        return await options.store.updateAttempt({ ...ids, status: 'succeeded' })
      case 'agent_error':
      case 'infra_error':
        return await options.store.updateAttempt({ ...ids, ...failure(claimed, ending.kind, ending.error) })
      case 'stopped':
        switch (ending.reason) {
          case 'timeout':
            return await options.store.updateAttempt({ ...ids, status: 'timeout', outcome: 'timeout' })
          case 'cancelled':
            return await options.store.updateAttempt({ ...ids, status: 'failed', outcome: 'cancelled' })
          case 'shutdown':
            return await options.store.releaseAttempt(ids)
          case 'superseded':
            return undefined
          default:
            return ending.reason satisfies never
        }
      default:
        return ending satisfies never
    }
  }
  try {
    await retry(write, { forMs: leasesToSettle * options.leaseMs })
  } catch (error) {
    options.logger.error('An attempt could not be settled; its lease will run out', { ...ids, error: errorMessage(error) })
  }
}

function failure(
  claimed: AttemptedRollout,
  outcome: 'agent_error' | 'infra_error',
  error: unknown,
): Pick<AttemptUpdate, 'status' | 'outcome' | 'metadata'> {
  const reason: JsonObject = {
    message: shorten(errorMessage(error)),
    ...(AglError.isInstance(error) ? { code: error.code } : {}),
    ...(stackOf(error) === null ? {} : { stack: shorten(stackOf(error)!) }),
  }
  return { status: 'failed', outcome, metadata: { ...claimed.attempt.metadata, error: reason } }
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
