import { sweepAttempt } from '@agl/store-kit'
import { applyTransition, armAttempt, subjectOf } from './apply.ts'
import { serveWaiters } from './claim.ts'
import { setTimer, takeDue } from './deadlines.ts'
import { retain } from './retain.ts'
import type { AttemptRow, MemoryState } from './state.ts'

/*
 * One pass takes about a millisecond at most, so that no call waits for more; the timer goes on with the rest. To end an
 * attempt costs some twenty times what it costs to find that its limit has moved away.
 */
const passBudget = 2000
const costOfEnd = 20

/** Ends the attempts that are past a limit by now, and hands what that puts back into the queue to who waits for it. */
export function sweep(state: MemoryState): void {
  retain(state)
  endDue(state)
  serveWaiters(state)
}

function endDue(state: MemoryState): void {
  if (state.deadlines.size === 0) return
  const now = state.clock.now()
  for (let budget = passBudget; budget > 0;) {
    const row = takeDue(state, now)
    if (row === undefined) break
    budget -= endOverdue(state, row, now) ? costOfEnd : 1
  }
}

/** False when the attempt's limit has moved away since it was put on the watch. */
function endOverdue(state: MemoryState, row: AttemptRow, now: number): boolean {
  const transition = sweepAttempt(subjectOf(row), now)
  if (transition === null) {
    armAttempt(state, row)
    return false
  }
  applyTransition(state, row.rollout, transition, now)
  const { rollout_id: rolloutId, attempt_id: attemptId, outcome, worker_id: workerId } = row.entry.attempt
  state.logger.warn('attempt ended by the store', { rolloutId, attemptId, outcome, workerId })
  return true
}

/** What the timer does. */
export function onTimer(state: MemoryState): void {
  state.timer = null
  sweep(state)
  setTimer(state)
}
