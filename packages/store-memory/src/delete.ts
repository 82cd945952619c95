import { isFinished } from '@agl/store-kit'
import { dropAttempt } from './apply.ts'
import { emit } from './events.ts'
import { changeSpanBytes, leaveWindow } from './pack.ts'
import type { AttemptRow, MemoryState, RolloutRow } from './state.ts'

/** Deletes those that are finished; answers their ids. */
export function deleteRollouts(state: MemoryState, rolloutIds: readonly string[]): readonly string[] {
  const deleted: string[] = []
  for (const id of new Set(rolloutIds)) {
    const row = state.rollouts.get(id)
    if (row === undefined || !isFinished(row.entry.rollout.status)) continue
    deleteRow(state, row)
    deleted.push(id)
  }
  return deleted
}

/** Forgets a finished rollout and all that hangs on it. */
export function deleteRow(state: MemoryState, row: RolloutRow): void {
  const { rollout_id: id, status } = row.entry.rollout
  for (const attempt of row.attempts) {
    clearShelf(state, attempt)
    dropAttempt(state, attempt)
  }
  if (row.retiredLink !== null) state.retired.remove(row.retiredLink)
  row.retiredLink = null
  unlinkSpans(state, row)
  state.usage.finished -= row.recordBytes
  state.byStatus.get(status)!.delete(row)
  state.ordered.delete(row)
  state.rollouts.delete(id)
  emit(state, () => ({ type: 'rollout_deleted', rollout_id: id }))
}

/** Drops the spans of a finished rollout and keeps its records. */
export function dropSpans(state: MemoryState, row: RolloutRow): void {
  for (const attempt of row.attempts) {
    if (attempt.spans !== null) attempt.isGone = true
    clearShelf(state, attempt)
  }
  unlinkSpans(state, row)
}

function unlinkSpans(state: MemoryState, row: RolloutRow): void {
  state.spanCount -= row.spanCount
  row.spanCount = 0
  changeSpanBytes(state, row, -row.spanBytes)
  if (row.withSpansLink !== null) state.retiredWithSpans.remove(row.withSpansLink)
  row.withSpansLink = null
}

function clearShelf(state: MemoryState, attempt: AttemptRow): void {
  leaveWindow(state, attempt)
  attempt.spans = null
}
