import { sweepAttempt } from '@agl/store-kit'
import { applyTransition, armAttempt, subjectOf } from './apply.ts'
import { serveWaiters } from './claim.ts'
import { setTimer, takeDue } from './deadlines.ts'
import type { MemoryState } from './state.ts'

/** Ends the attempts that are past a limit by now, and hands what that puts back into the queue to who waits for it. */
export function sweep(state: MemoryState): void {
  if (state.deadlines.size === 0) return
  const now = state.clock.now()
  const due = takeDue(state, now)
  for (const row of due) {
    const transition = sweepAttempt(subjectOf(row), now)
    if (transition === null) {
      armAttempt(state, row)
      continue
    }
    applyTransition(state, row.rollout, transition, now)
    const { rollout_id: rolloutId, attempt_id: attemptId, outcome, worker_id: workerId } = row.entry.attempt
    state.logger.warn('attempt ended by the store', { rolloutId, attemptId, outcome, workerId })
  }
  if (due.length > 0) serveWaiters(state)
}

/** What the timer does. */
export function onTimer(state: MemoryState): void {
  state.timer = null
  sweep(state)
  setTimer(state)
}
