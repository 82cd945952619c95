import { endAttempt, moveRollout } from './moves.ts'
import { type AttemptSubject, type Effect, isFinished, isLive, type Transition } from './states.ts'

/**
 * Work is handed back: the attempt ends as `infra_error`, does not count as a try, and its rollout is queued again. A
 * superseded attempt, or one of a finished rollout, only settles itself; one that has settled is left as it is.
 */
export function releaseAttempt(subject: AttemptSubject, now: number): Transition {
  const { rollout, attempt, isLatest } = subject
  if (!isLive(attempt.attempt.status)) return { rollout, attempts: [], effects: [] }
  const effects: Effect[] = []
  const uncounted = { attempt: attempt.attempt, notes: { ...attempt.notes, isUncounted: true } }
  const ended = endAttempt(uncounted, 'failed', 'infra_error', now, effects)
  const recounted = {
    rollout: rollout.rollout,
    notes: { ...rollout.notes, uncountedAttempts: rollout.notes.uncountedAttempts + 1 },
  }
  const mayMove = isLatest && !isFinished(rollout.rollout.status)
  return { rollout: mayMove ? moveRollout(recounted, 'requeuing', now, effects) : recounted, attempts: [ended], effects }
}
