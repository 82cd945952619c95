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
import type { AttemptedRollout, Page, Rollout, RolloutQuery, RolloutStatus, RolloutUpdate } from '@agl/types'
import { applyTransition, armAttempt, writeInput } from './apply.ts'
import { newestVersion } from './resources.ts'
import { jsonLength, reserveFor, trim } from './retention.ts'
import {
  attemptsOf,
  bareColumns,
  getRollout,
  ordinalOf,
  readRollouts,
  rolloutColumns,
  type RolloutRow,
  rolloutTables,
  withInput,
  withLatestAttempt,
} from './rows.ts'
import { type Reading, storedTotal, type Writing } from './state.ts'

export function getRolloutById(reading: Reading, rolloutId: string): Rollout | AttemptedRollout | null {
  const row = getRollout(reading, rolloutId)
  return row === undefined ? null : withLatestAttempt(reading, row)
}

export function queryRollouts(reading: Reading, query: RolloutQuery): Page<Rollout | AttemptedRollout> {
  const page = pageByIndex(reading, query) ?? pageByScan(reading, query)
  return { ...page, items: page.items.map((row) => withLatestAttempt(reading, row)) }
}

const statuses: readonly RolloutStatus[] = ['queuing', 'preparing', 'running', 'failed', 'succeeded', 'cancelled', 'requeuing']

/** A page that an index holds as it is: all rollouts, or those of some statuses, in the order of insertion. */
function pageByIndex(reading: Reading, query: RolloutQuery): Page<RolloutRow> | null {
  const { limit = -1, offset = 0, statusIn } = query
  if (query.sortBy != null || query.labels !== undefined || query.modeIn !== undefined) return null
  if (query.rolloutIdIn !== undefined || query.rolloutIdContains !== undefined) return null
  const wanted = statusIn === undefined ? statuses : [...new Set(statusIn)]
  const total = wanted.reduce((sum, status) => sum + storedTotal(reading, `rollouts_${status}`), 0)
  const where = statusIn === undefined ? '' : `WHERE ${isOneOf(wanted.length)}`
  const rows = reading.database.all<object>(
    `SELECT ${rolloutColumns} FROM ${rolloutTables} ${where} ORDER BY rollouts.ordinal LIMIT ? OFFSET ?`,
    ...(statusIn === undefined ? [] : wanted),
    limit,
    offset,
  )
  return { items: readRollouts(rows), limit, offset, total }
}

/** Looks at every candidate, but reads inputs for the page only: no filter or order looks at them. */
function pageByScan(reading: Reading, query: RolloutQuery): Page<RolloutRow> {
  const rows = new Map(candidates(reading, query).map((row) => [row.entry.rollout, row]))
  const page = pageOf([...rows.keys()], matchRollouts(query), query, sortFields.rollouts)
  return { ...page, items: page.items.map((rollout) => withInput(reading, rows.get(rollout)!)) }
}

/** The rows that may match, in insertion order: by id or status where the query names these, otherwise all. */
function candidates({ database }: Reading, query: RolloutQuery): readonly RolloutRow[] {
  const select = `SELECT ${bareColumns} FROM rollouts`
  if (query.filterLogic !== 'or' && query.rolloutIdIn !== undefined) {
    const rows = [...new Set(query.rolloutIdIn)].flatMap((id) => database.get<object>(`${select} WHERE rollout_id = ?`, id) ?? [])
    return readRollouts(rows).toSorted((a, b) => a.ordinal - b.ordinal)
  }
  if (query.filterLogic !== 'or' && query.statusIn !== undefined) {
    const wanted = [...new Set(query.statusIn)]
    return readRollouts(database.all(`${select} WHERE ${isOneOf(wanted.length)} ORDER BY ordinal`, ...wanted))
  }
  return readRollouts(database.all(`${select} ORDER BY ordinal`))
}

function isOneOf(count: number): string {
  return `status IN (${Array.from({ length: count }, () => '?').join(', ')})`
}

export function updateRollout(writing: Writing, update: RolloutUpdate): Rollout {
  const row = getRollout(writing, update.rolloutId)
  if (row === undefined) throw rolloutItemNotFound(update.rolloutId)
  const now = writing.state.clock.now()
  const attempts = attemptsOf(writing, row.ordinal)
  const entries = attempts.map((attempt) => attempt.entry)
  const transition = updated(
    row.entry,
    entries,
    rolloutChange(update, (id) => newestVersion(writing, id)),
    now,
  )
  const grown = jsonLength(update.input) + jsonLength(update.metadata)
  reserveFor(writing, transition, grown)
  // Making room may have dropped this very rollout, if it was finished.
  if (ordinalOf(writing, update.rolloutId) === undefined) throw rolloutItemNotFound(update.rolloutId)
  const changed = applyTransition(writing, row, attempts, transition, now)
  if (update.input !== undefined) writeInput(writing, changed, update.input)
  // A new config may have brought deadlines nearer.
  if (update.config !== undefined) for (const attempt of attemptsOf(writing, row.ordinal)) armAttempt(writing, changed, attempt)
  if (grown > 0) trim(writing)
  return changed.entry.rollout
}

export function cancelRollouts(writing: Writing, rolloutIds: readonly string[]): readonly Rollout[] {
  const cancelled: Rollout[] = []
  for (const id of new Set(rolloutIds)) {
    const row = getRollout(writing, id)
    if (row === undefined || isFinished(row.entry.rollout.status)) continue
    const now = writing.state.clock.now()
    const attempts = attemptsOf(writing, row.ordinal)
    const entries = attempts.map((attempt) => attempt.entry)
    const transition = cancelRollout(row.entry, entries, now)
    cancelled.push(applyTransition(writing, row, attempts, transition, now).entry.rollout)
  }
  return cancelled
}
