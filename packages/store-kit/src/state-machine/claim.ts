import type { Attempt } from '@agl/types'
import { moveRollout } from './moves.ts'
import type { AttemptEntry, Effect, RolloutEntry, Transition } from './states.ts'

/** Who claims, and for how long. */
export interface Claim {
  readonly attemptId: string
  /** How many attempts the rollout has so far. */
  readonly attemptsSoFar: number
  readonly workerId: string | null
  /** Null: no lease, only the rollout's own limits. */
  readonly leaseMs: number | null
  /** Whether the work came from the queue, not from startRollout or startAttempt. */
  readonly isFromQueue: boolean
  readonly now: number
}

/**
 * Makes the next attempt of a rollout, whatever its status and however many tries it had: who dequeues has made sure
 * that it is waiting. An attempt that is still live is superseded and not told here; its next heartbeat tells it.
 */
export function claimRollout(rollout: RolloutEntry, claim: Claim): Transition & { readonly claimed: AttemptEntry } {
  const effects: Effect[] = []
  const { workerId, leaseMs, now } = claim
  const attempt: Attempt = Object.freeze({
    rollout_id: rollout.rollout.rollout_id,
    attempt_id: claim.attemptId,
    sequence_id: claim.attemptsSoFar + 1,
    start_time: now,
    end_time: null,
    status: 'preparing',
    worker_id: workerId,
    last_heartbeat_time: null,
    metadata: null,
    outcome: null,
    lease_expires: leaseMs === null ? null : now + leaseMs / 1000,
  })
  const claimed: AttemptEntry = {
    attempt,
    notes: { leaseMs, showedLife: false, hasReward: false, isUncounted: false, isLostClaim: false },
  }
  const moved = moveRollout(rollout, 'preparing', now, effects)
  if (workerId !== null && workerId !== '') effects.push({ kind: 'workerBusy', workerId, attempt, isClaim: claim.isFromQueue })
  return { rollout: moved, attempts: [claimed], effects, claimed }
}
