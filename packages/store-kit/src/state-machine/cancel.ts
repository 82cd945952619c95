import { endAttempt, moveRollout } from './moves.ts'
import { type AttemptEntry, type Effect, isFinished, isLive, type RolloutEntry, type Transition } from './states.ts'

/**
 * Somebody cancels a rollout: it is finished, and each attempt that is live or might revive (superseded ones too) is
 * settled as `failed` with outcome `cancelled`. A finished rollout stays as it is.
 * @param attempts all attempts of the rollout, or at least those that are live or unresponsive
 */
export function cancelRollout(rollout: RolloutEntry, attempts: readonly AttemptEntry[], now: number): Transition {
  if (isFinished(rollout.rollout.status)) return { rollout, attempts: [], effects: [] }
  const effects: Effect[] = []
  const settled = settleCancelled(attempts, now, effects)
  return { rollout: moveRollout(rollout, 'cancelled', now, effects), attempts: settled, effects }
}

/** Ends as cancelled what is live, and what is unresponsive, which a late span would otherwise revive. */
export function settleCancelled(attempts: readonly AttemptEntry[], now: number, effects: Effect[]): readonly AttemptEntry[] {
  return attempts.flatMap((entry) =>
    isLive(entry.attempt.status) || entry.attempt.status === 'unresponsive'
      ? [endAttempt(entry, 'failed', 'cancelled', now, effects)]
      : [],
  )
}
