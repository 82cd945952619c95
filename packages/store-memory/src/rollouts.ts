import {
  cancelRollout,
  isFinished,
  matchRollouts,
  pageOf,
  rolloutItemNotFound,
  rolloutChange,
  sortFields,
  updateRollout as updated,
} from '@agl/store-kit'
import type { AttemptedRollout, Page, Rollout, RolloutQuery, RolloutUpdate, WaitRequest } from '@agl/types'
import { applyTransition, armAttempt } from './apply.ts'
import { heapBytes } from './bytes.ts'
import { reserveFor, trim } from './reserve.ts'
import { newestVersion } from './enqueue.ts'
import { type MemoryState, type RolloutRow, withLatestAttempt } from './state.ts'

export function queryRollouts(state: MemoryState, query: RolloutQuery): Page<Rollout | AttemptedRollout> {
  const page = pageByIndex(state, query) ?? pageByScan(state, query)
  return { ...page, items: page.items.map(({ rollout_id: id }) => withLatestAttempt(state.rollouts.get(id)!)) }
}

/** A page that an index holds as it is: all rollouts, or those of one status, in the order of insertion. */
function pageByIndex(state: MemoryState, query: RolloutQuery): Page<Rollout> | null {
  const { limit = -1, offset = 0, statusIn } = query
  if (query.sortBy != null || query.labels !== undefined || query.modeIn !== undefined) return null
  if (query.rolloutIdIn !== undefined || query.rolloutIdContains !== undefined) return null
  if (statusIn !== undefined && statusIn.length !== 1) return null
  const rows = statusIn === undefined ? state.ordered : state.byStatus.get(statusIn[0]!)!
  const items = rows.page(offset, limit === -1 ? Infinity : limit).map((row) => row.entry.rollout)
  return { items, limit, offset, total: rows.size }
}

function pageByScan(state: MemoryState, query: RolloutQuery): Page<Rollout> {
  const rollouts = candidates(state, query).map((row) => row.entry.rollout)
  return pageOf(rollouts, matchRollouts(query), query, sortFields.rollouts)
}

/** The rows that may match, in insertion order: by id or status where the query names these, otherwise all. */
function candidates(state: MemoryState, query: RolloutQuery): readonly RolloutRow[] {
  if (query.filterLogic !== 'or' && query.rolloutIdIn !== undefined) {
    return [...new Set(query.rolloutIdIn)].flatMap((id) => state.rollouts.get(id) ?? []).sort((a, b) => a.ordinal - b.ordinal)
  }
  if (query.filterLogic !== 'or' && query.statusIn !== undefined) {
    return [...new Set(query.statusIn)]
      .flatMap((status) => [...state.byStatus.get(status)!])
      .sort((a, b) => a.ordinal - b.ordinal)
  }
  return [...state.ordered]
}

export function getRolloutById(state: MemoryState, rolloutId: string): Rollout | AttemptedRollout | null {
  const row = state.rollouts.get(rolloutId)
  return row === undefined ? null : withLatestAttempt(row)
}

export function updateRollout(state: MemoryState, update: RolloutUpdate): Rollout {
  const { rolloutId } = update
  const row = state.rollouts.get(rolloutId)
  if (row === undefined) throw rolloutItemNotFound(rolloutId)
  const now = state.clock.now()
  const change = rolloutChange(update, (id) => newestVersion(state, id))
  const transition = updated(row.entry, attemptEntries(row), change, now)
  const grown = heapBytes(update.input) + heapBytes(update.metadata)
  // Making room may have dropped this very rollout, if it was finished.
  if (reserveFor(state, transition, grown) && !state.rollouts.has(rolloutId)) throw rolloutItemNotFound(rolloutId)
  applyTransition(state, row, transition, now)
  if (grown > 0) trim(state)
  // A new config may have brought deadlines nearer.
  if (update.config !== undefined) for (const attempt of row.attempts) armAttempt(state, attempt)
  return row.entry.rollout
}

export function cancelRollouts(state: MemoryState, rolloutIds: readonly string[]): readonly Rollout[] {
  const cancelled: Rollout[] = []
  for (const id of new Set(rolloutIds)) {
    const row = state.rollouts.get(id)
    if (row === undefined || isFinished(row.entry.rollout.status)) continue
    const now = state.clock.now()
    applyTransition(state, row, cancelRollout(row.entry, attemptEntries(row), now), now)
    cancelled.push(row.entry.rollout)
  }
  return cancelled
}

function attemptEntries(row: RolloutRow): readonly RolloutRow['attempts'][number]['entry'][] {
  return row.attempts.map((attempt) => attempt.entry)
}

export function waitForRollouts(state: MemoryState, request: WaitRequest): readonly Rollout[] | Promise<readonly Rollout[]> {
  const { signal, timeoutMs = null, atLeast } = request
  signal?.throwIfAborted()
  const known = request.rolloutIds.flatMap((id) => state.rollouts.get(id) ?? [])
  const collect = (): readonly Rollout[] =>
    known
      .filter((row) => state.rollouts.get(row.entry.rollout.rollout_id) === row)
      .map((row) => row.entry.rollout)
      .filter((rollout) => isFinished(rollout.status))
  if (timeoutMs !== null && timeoutMs <= 0) return collect()
  return state.rolloutWaiters.wait({
    rolloutIds: known.map((row) => row.entry.rollout.rollout_id),
    isFinished: (id) => isFinished(state.rollouts.get(id)!.entry.rollout.status),
    collect,
    timeoutMs,
    atLeast,
    signal,
  })
}
