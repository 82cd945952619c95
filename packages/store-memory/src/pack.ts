import { isFinished, isLive } from '@agl/store-kit'
import { packShelf } from './span-shelf.ts'
import type { AttemptRow, MemoryState, RolloutRow } from './state.ts'

/*
 * Packing. Spans of settled attempts that are still objects are held up to a window, because what has just ended is read
 * next; beyond it the attempts that settled first are packed. Each write packs about twice what it brought, so that the
 * window is kept without a background task and no call packs for longer than its share.
 */

/** Spans in one chunk: what a read or a check for duplicates has to step over. */
const chunkSpans = 64

/** Counts what was put onto a shelf. */
export function addSpanBytes(state: MemoryState, attempt: AttemptRow, bytes: number): void {
  changeSpanBytes(state, attempt.rollout, bytes)
  if (!isLive(attempt.entry.attempt.status)) enterWindow(state, attempt, bytes)
}

/** An attempt has settled: its spans may be packed when their turn comes. */
export function settleShelf(state: MemoryState, attempt: AttemptRow): void {
  if (attempt.spans !== null && attempt.spans.openBytes > 0) enterWindow(state, attempt, attempt.spans.openBytes)
}

function enterWindow(state: MemoryState, attempt: AttemptRow, bytes: number): void {
  state.packing.openBytes += bytes
  attempt.packingLink ??= state.packing.queue.append(attempt)
}

/** An attempt's open spans are not to be packed: it revived, they are packed, or they are dropped. */
export function leaveWindow(state: MemoryState, attempt: AttemptRow): void {
  if (attempt.packingLink === null) return
  state.packing.openBytes -= attempt.spans?.openBytes ?? 0
  state.packing.queue.remove(attempt.packingLink)
  attempt.packingLink = null
}

/** Packs as long as the window is exceeded, until twice what was brought is packed; one chunk at least. */
export function packSettled(state: MemoryState, broughtBytes: number): void {
  const { packing } = state
  let left = 2 * broughtBytes
  while (packing.openBytes > packing.windowBytes) {
    const attempt = packing.queue.first()
    if (attempt === undefined || attempt.spans === null) return
    const { before, after } = packShelf(attempt.spans, chunkSpans)
    changeSpanBytes(state, attempt.rollout, after - before)
    packing.openBytes -= before
    if (attempt.spans.open.length === 0) leaveWindow(state, attempt)
    left -= before
    if (left <= 0) return
  }
}

/** Counts what the spans of a rollout take more, or less. */
export function changeSpanBytes(state: MemoryState, row: RolloutRow, bytes: number): void {
  const isRetired = isFinished(row.entry.rollout.status)
  row.spanBytes += bytes
  state.usage.spans += bytes
  state.usage[isRetired ? 'finished' : 'unfinished'] += bytes
  if (!isRetired || row.spanBytes === 0 || row.withSpansLink !== null) return
  row.withSpansLink = state.retiredWithSpans.append(row)
}
