import { isLive } from '@agl/store-kit'
import type { AttemptRow, MemoryState } from './state.ts'

/*
 * Attempts wait in a heap for the moment at which the state machine has to look at them. A deadline that moves away (by
 * each span and heartbeat) is not written here: the entry is looked at when its old time comes and put back then, which
 * keeps signs of life free of any cost here. One timer stands for the earliest entry.
 */

/** Limits are exceeded strictly after their moment: the timer is set just behind it. */
const margin = 0.001

/** Fewer entries than this are not worth a sweep. */
export const smallestSweep = 1024

/** Makes sure that the attempt is looked at no later than just after this moment; null: nothing to watch. */
export function arm(state: MemoryState, row: AttemptRow, deadline: number | null): void {
  if (deadline === null || (row.armedAt !== null && row.armedAt <= deadline)) return
  row.armedAt = deadline
  state.deadlines.push({ at: deadline, row })
  if (state.deadlines.size >= state.deadlinesToSweep) dropSettled(state)
  setTimer(state)
}

/** Entries of attempts that settled long before their limit would pile up; sweeping at each doubling costs nothing per entry. */
function dropSettled(state: MemoryState): void {
  state.deadlines.retain(({ at, row }) => {
    const isWatched = row.armedAt === at && isLive(row.entry.attempt.status)
    if (!isWatched && row.armedAt === at) row.armedAt = null
    return isWatched
  })
  state.deadlinesToSweep = Math.max(smallestSweep, 2 * state.deadlines.size)
}

/** The attempt that was due first, its entry taken out of the heap; undefined when none is due. */
export function takeDue(state: MemoryState, now: number): AttemptRow | undefined {
  for (;;) {
    const first = state.deadlines.peek()
    if (first === undefined || first.at >= now) return undefined
    state.deadlines.pop()
    if (first.row.armedAt !== first.at) continue
    first.row.armedAt = null
    return first.row
  }
}

/** Sets the one timer, unless it is set to an early enough moment. */
export function setTimer(state: MemoryState): void {
  const moment = Math.min(state.deadlines.peek()?.at ?? Infinity, nextRetention(state) ?? Infinity, state.workersLook)
  if (moment === Infinity || state.isClosed) return
  const at = moment + margin
  if (state.timer !== null && state.timer.at <= at) return
  state.timer?.cancel()
  state.timer = { at, cancel: state.clock.schedule(at, () => state.onTimer(state)) }
}

/** When the next rollout is too old, in epoch seconds. */
function nextRetention(state: MemoryState): number | null {
  const { maxAgeSeconds } = state.retention
  const first = state.retired.first()
  return maxAgeSeconds === null || first === undefined ? null : first.entry.rollout.end_time! + maxAgeSeconds
}
