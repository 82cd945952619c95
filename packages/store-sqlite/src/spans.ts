import {
  checkSequenceId,
  isFinished,
  matchSpans,
  pageOf,
  type ParsedSpan,
  sortFields,
  spansArrived,
  spansGone,
  readJson,
  writeJson,
} from '@agl/store-kit'
import type { LightningStore, Page, Span, SpanQuery } from '@agl/types'
import { isRewardSpan } from '@agl/types/spans'
import { applyTransition } from './apply.ts'
import { reserve } from './retention.ts'
import {
  type AttemptRow,
  findAttempt,
  findRolloutWithoutInput,
  getAttempt,
  latestAttempt,
  ordinalOf,
  type RolloutRow,
  subjectOf,
} from './rows.ts'
import type { Reading, Writing } from './state.ts'
import { checkText } from './text.ts'

/** Spans of one attempt on their way in. */
interface Arrival {
  readonly rollout: RolloutRow
  readonly attempt: AttemptRow
  /** The counter of the rollout, which several arrivals may share. */
  readonly counter: Counter
  hasReward: boolean
  hasNew: boolean
}

interface Counter {
  readonly rollout: RolloutRow
  sequence: number
  count: number
  bytes: number
}

/** Stores spans in order; answers those that were new. All ids are known, and there is room for all, before the first is stored. */
export function addSpans(writing: Writing, spans: readonly ParsedSpan[]): readonly Span[] {
  if (writing.state.retention.maxBytes !== null) reserveForNew(writing, spans)
  for (const span of spans) {
    if (span.sequence_id !== undefined) checkSequenceId(span.sequence_id)
    checkText(span.span_id, 'span_id')
  }
  const counters = new Map<string, Counter>()
  const arrivals = new Map<string, Arrival>()
  const places = spans.map((span) => arrivalOf(writing, span, counters, arrivals))
  const stored = spans.flatMap((span, index) => storeSpan(writing, places[index]!, span) ?? [])
  for (const counter of counters.values()) writeCounter(writing, counter)
  const now = writing.state.clock.now()
  for (const arrival of arrivals.values()) {
    if (!arrival.hasNew) continue
    // Another attempt of the same rollout may have moved it meanwhile.
    const { rollout_id: rolloutId } = arrival.rollout.entry.rollout
    const rollout = arrivals.size === 1 ? arrival.rollout : findRolloutWithoutInput(writing, rolloutId)
    noteArrival(writing, rollout, arrival, now)
  }
  return stored
}

/** Neither duplicates nor what will be refused take room: a full store answers them as ever. */
function reserveForNew(writing: Writing, spans: readonly ParsedSpan[]): void {
  const added = spans.filter((span) => isNew(writing, span))
  if (added.length === 0) return
  reserve(
    writing,
    added.reduce((sum, span) => sum + JSON.stringify(span).length, 0),
  )
}

function isNew(writing: Writing, span: ParsedSpan): boolean {
  const rollout = ordinalOf(writing, span.rollout_id)
  const attempt = rollout === undefined ? undefined : getAttempt(writing, rollout, span.attempt_id)
  if (attempt === undefined) return false
  const found = writing.database.get('SELECT 1 FROM spans WHERE attempt = ? AND span_id = ?', attempt.ordinal, span.span_id)
  return found === undefined
}

function arrivalOf(writing: Writing, span: ParsedSpan, counters: Map<string, Counter>, arrivals: Map<string, Arrival>): Arrival {
  const key = JSON.stringify([span.rollout_id, span.attempt_id])
  const known = arrivals.get(key)
  if (known !== undefined) return known
  const counter = counters.get(span.rollout_id) ?? counterOf(findRolloutWithoutInput(writing, span.rollout_id))
  counters.set(span.rollout_id, counter)
  const { rollout } = counter
  const attempt = findAttempt(writing, rollout, span.attempt_id)
  const arrival = { rollout, attempt, counter, hasReward: false, hasNew: false }
  arrivals.set(key, arrival)
  return arrival
}

/** Null for a duplicate, which still raises the counter by the sequence id it brings. */
function storeSpan(writing: Writing, arrival: Arrival, span: ParsedSpan): Span | null {
  const { counter, rollout, attempt } = arrival
  if (span.sequence_id !== undefined) counter.sequence = Math.max(counter.sequence, span.sequence_id)
  const sequenceId = span.sequence_id ?? counter.sequence + 1
  checkSequenceId(sequenceId)
  const kept = Object.freeze({ ...span, sequence_id: sequenceId }) as Span
  // A late span of what retention has dropped is acknowledged and dropped too.
  const isDropped = attempt.isGone && isFinished(rollout.entry.rollout.status)
  if (!isDropped) {
    const record = writeJson(kept, 'the span')
    if (!insertSpan(writing, arrival, kept, record)) {
      const { rollout_id: rolloutId, attempt_id: attemptId, span_id: spanId } = span
      writing.log('debug', 'duplicate span skipped', { rolloutId, attemptId, spanId })
      return null
    }
    counter.count++
    counter.bytes += Buffer.byteLength(record)
  }
  counter.sequence = Math.max(counter.sequence, sequenceId)
  arrival.hasNew = true
  arrival.hasReward ||= attempt.entry.notes.hasReward || isRewardSpan(kept)
  return kept
}

/** Whether it was new. */
function insertSpan(
  { database }: Writing,
  { rollout, attempt }: Pick<Arrival, 'rollout' | 'attempt'>,
  span: Span,
  record: string,
): boolean {
  const rows = database.run(
    'INSERT INTO spans (rollout, attempt, span_id, sequence_id, record) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    rollout.ordinal,
    attempt.ordinal,
    span.span_id,
    span.sequence_id,
    record,
  )
  return rows === 1
}

/** Stores a span as it was. */
export function restoreSpan(writing: Writing, rollout: RolloutRow, attempt: AttemptRow, span: Span): void {
  checkText(span.span_id, 'span_id')
  const record = writeJson(span, 'the span')
  insertSpan(writing, { rollout, attempt }, span, record)
  writeCounter(writing, { ...counterOf(rollout), count: 1, bytes: Buffer.byteLength(record) })
}

function counterOf(rollout: RolloutRow): Counter {
  return { rollout, sequence: rollout.sequence, count: 0, bytes: 0 }
}

function writeCounter(writing: Writing, { rollout, sequence, count, bytes }: Counter): void {
  writing.database.run(
    'UPDATE rollouts SET span_sequence = ?, span_count = span_count + ?, span_bytes = span_bytes + ? WHERE ordinal = ?',
    sequence,
    count,
    bytes,
    rollout.ordinal,
  )
  writing.count('spans', count)
  writing.count('span_bytes', bytes)
  writing.count(isFinished(rollout.entry.rollout.status) ? 'finished_bytes' : 'unfinished_bytes', bytes)
}

function noteArrival(writing: Writing, rollout: RolloutRow, { attempt, hasReward }: Arrival, now: number): void {
  const transition = spansArrived(subjectOf(writing, rollout, attempt), { hasReward, now })
  applyTransition(writing, rollout, [attempt], transition, now)
}

/**
 * Without `sortBy` by sequence id; null asks for the order of arrival. Where only these orders are asked for, nothing but
 * the page is read; otherwise the spans of the rollout, or of the attempt that is named.
 * @throws AglError `gone`
 */
export function querySpans(reading: Reading, query: SpanQuery): Page<Span> {
  const { sortBy = 'sequence_id', sortOrder = 'asc', limit = -1, offset = 0 } = query
  const where = placeOf(reading, query)
  if (where === null) return pageOf<Span>([], null, { ...query, sortBy }, sortFields.spans)
  const matcher = matchSpans(query)
  const { column, ordinal } = where
  if (matcher !== null || (sortBy !== null && sortBy !== 'sequence_id')) {
    const rows = reading.database.all<{ record: string }>(
      `SELECT record FROM spans WHERE ${column} = ? ORDER BY ordinal`,
      ordinal,
    )
    return pageOf(rows.map(spanOf), matcher, { ...query, sortBy }, sortFields.spans)
  }
  const order = sortBy === null ? 'ordinal' : `sequence_id ${sortOrder === 'asc' ? 'ASC' : 'DESC'}, ordinal`
  const rows = reading.database.all<{ record: string }>(
    `SELECT record FROM spans WHERE ${column} = ? ORDER BY ${order} LIMIT ? OFFSET ?`,
    ordinal,
    limit,
    offset,
  )
  const { total } = reading.database.get<{ total: number }>(`SELECT count(*) AS total FROM spans WHERE ${column} = ?`, ordinal)!
  return { items: rows.map(spanOf), limit, offset, total }
}

function spanOf({ record }: { readonly record: string }): Span {
  return Object.freeze(readJson<Span>(record))
}

/** Whose spans are asked for; null for what is unknown. */
function placeOf(
  reading: Reading,
  { rolloutId, attemptId }: SpanQuery,
): { readonly column: 'rollout' | 'attempt'; readonly ordinal: number } | null {
  const rollout = ordinalOf(reading, rolloutId)
  if (rollout === undefined) return null
  if (attemptId === undefined) {
    const gone = reading.database.get('SELECT 1 FROM attempts WHERE rollout = ? AND spans_gone = 1 LIMIT 1', rollout)
    if (gone !== undefined) throw spansGone(rolloutId)
    return { column: 'rollout', ordinal: rollout }
  }
  const attempt = attemptId === 'latest' ? latestAttempt(reading, rollout) : getAttempt(reading, rollout, attemptId)
  if (attempt === undefined) return null
  if (attempt.isGone) throw spansGone(rolloutId)
  return { column: 'attempt', ordinal: attempt.ordinal }
}

/**
 * The next sequence ids; all rollouts are known before the first id is given. The count is the rollout's: as in the
 * reference, the attempt may be any.
 * @throws AglError `not_found`, and `invalid_argument` for a rollout whose spans have used up all ids
 */
export function nextSequenceIds(
  writing: Writing,
  attempts: Parameters<LightningStore['getManySpanSequenceIds']>[0]['attempts'],
): readonly number[] {
  const rollouts = attempts.map(({ rolloutId }) => findRolloutWithoutInput(writing, rolloutId).ordinal)
  return rollouts.map((ordinal) => {
    const { sequence } = writing.database.get<{ sequence: number }>(
      'UPDATE rollouts SET span_sequence = span_sequence + 1 WHERE ordinal = ? RETURNING span_sequence AS sequence',
      ordinal,
    )!
    checkSequenceId(sequence)
    return sequence
  })
}
