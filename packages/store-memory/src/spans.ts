import {
  checkSequenceId,
  isFinished,
  matchSpans,
  pageOf,
  type ParsedSpan,
  parseNewSpan,
  parseNewSpans,
  parseOtelSpan,
  sortFields,
  spansArrived,
  spansGone,
} from '@agl/store-kit'
import type { LightningStore, NewSpan, Page, Span, SpanQuery } from '@agl/types'
import { isRewardSpan } from '@agl/types/spans'
import { applyTransition, subjectOf } from './apply.ts'
import { heapBytes } from './bytes.ts'
import { hasRoom, reserve } from './reserve.ts'
import { addSpanBytes, packSettled } from './pack.ts'
import { createShelf, hasSpan, openSpanBytes, placesOf, putSpan, type SpanPlace } from './span-shelf.ts'
import { type AttemptRow, findAttempt, findRollout, latestAttempt, type MemoryState, type RolloutRow } from './state.ts'

export function addSpan(state: MemoryState, span: NewSpan): Span | null {
  const parsed = parseNewSpan(span)
  let attempt = attemptOf(state, parsed)
  checkSequence(attempt, parsed, 1)
  const bytes = spanBytes(parsed)
  // Making room may have dropped the finished rollout that this is a late span of.
  if (reserveForNew(state, [{ span: parsed, attempt, bytes }], bytes)) attempt = attemptOf(state, parsed)
  const stored = storeSpan(state, attempt, parsed, bytes)
  if (stored === null) return null
  noteArrival(state, attempt, isRewardSpan(stored))
  packSettled(state, bytes)
  return stored
}

/** All spans and ids are checked, and there is room for all, before the first span is stored. */
export function addManySpans(state: MemoryState, spans: readonly NewSpan[]): readonly Span[] {
  const parsed = parseNewSpans(spans)
  const arriving: ArrivingSpan[] = []
  let total = 0
  for (const span of parsed) {
    const bytes = spanBytes(span)
    const attempt = attemptOf(state, span)
    checkSequence(attempt, span, parsed.length)
    arriving.push({ span, bytes, attempt })
    total += bytes
  }
  // Making room may have dropped the finished rollouts that these are late spans of.
  if (reserveForNew(state, arriving, total)) for (const one of arriving) one.attempt = attemptOf(state, one.span)
  const stored: Span[] = []
  const rewarded = new Map<AttemptRow, boolean>()
  for (const { span, attempt, bytes } of arriving) {
    const kept = storeSpan(state, attempt, span, bytes)
    if (kept === null) continue
    stored.push(kept)
    rewarded.set(attempt, rewarded.get(attempt) === true || isRewardSpan(kept))
  }
  for (const [attempt, hasReward] of rewarded) noteArrival(state, attempt, hasReward)
  packSettled(state, total)
  return stored
}

/** Duplicates take no room; only a full store looks which these are. */
function reserveForNew(state: MemoryState, arriving: readonly ArrivingSpan[], total: number): boolean {
  if (hasRoom(state, total)) return false
  const added = arriving.filter(({ span, attempt }) => attempt.spans === null || !hasSpan(attempt.spans, span.span_id))
  return (
    added.length > 0 &&
    reserve(
      state,
      added.reduce((sum, { bytes }) => sum + bytes, 0),
    )
  )
}

/** A checked span on its way onto a shelf. */
interface ArrivingSpan {
  readonly span: ParsedSpan
  readonly bytes: number
  attempt: AttemptRow
}

function noteArrival(state: MemoryState, attempt: AttemptRow, hasReward: boolean): void {
  const now = state.clock.now()
  applyTransition(state, attempt.rollout, spansArrived(subjectOf(attempt), { hasReward, now }), now)
}

export function addOtelSpan(state: MemoryState, request: Parameters<LightningStore['addOtelSpan']>[0]): Span | null {
  return addSpan(state, parseOtelSpan(request))
}

/** What an open span takes. */
export function spanBytes(span: ParsedSpan): number {
  return heapBytes(span) + openSpanBytes + (span.sequence_id === undefined ? 8 : 0)
}

function attemptOf(state: MemoryState, span: ParsedSpan): AttemptRow {
  return findAttempt(state, findRollout(state, span.rollout_id), span.attempt_id)
}

/** Null for a duplicate, which still raises the counter by the sequence id it brings. */
function storeSpan(state: MemoryState, attempt: AttemptRow, span: ParsedSpan, bytes: number): Span | null {
  const { rollout } = attempt
  const given = span.sequence_id
  if (given !== undefined) rollout.sequence = Math.max(rollout.sequence, given)
  attempt.spans ??= createShelf()
  if (hasSpan(attempt.spans, span.span_id)) {
    const { rollout_id: rolloutId, attempt_id: attemptId, span_id: spanId } = span
    state.logger.debug('duplicate span skipped', { rolloutId, attemptId, spanId })
    return null
  }
  span.sequence_id ??= nextSequenceId(rollout)
  const stored = Object.freeze(span) as Span
  // A late span of what retention has dropped is acknowledged and dropped too.
  if (attempt.isGone && isFinished(rollout.entry.rollout.status)) return stored
  putArrived(state, attempt, stored, bytes)
  return stored
}

/** Puts a stored span onto its shelf. */
export function putArrived(state: MemoryState, attempt: AttemptRow, span: Span, bytes: number): void {
  const { rollout } = attempt
  attempt.spans ??= createShelf()
  if (span.sequence_id < rollout.lastSequence) rollout.isInOrder = false
  else rollout.lastSequence = span.sequence_id
  putSpan(attempt.spans, { span, arrival: rollout.arrivals++, bytes })
  rollout.spanCount++
  state.spanCount++
  addSpanBytes(state, attempt, bytes)
}

function nextSequenceId(rollout: RolloutRow): number {
  return ++rollout.sequence
}

/** Before anything is stored: each id that is brought, and the last of those that will be given. */
function checkSequence({ rollout }: AttemptRow, span: ParsedSpan, count: number): void {
  checkSequenceId(span.sequence_id ?? rollout.sequence + count)
}

/**
 * Without `sortBy` by sequence id; null asks for the order of arrival. Where only these orders are asked for, nothing but
 * the page is read.
 * @throws AglError `gone`
 */
export function querySpans(state: MemoryState, query: SpanQuery): Page<Span> {
  const { sortBy = 'sequence_id', sortOrder = 'asc', limit = -1, offset = 0 } = query
  const places = placesInOrder(state, query)
  const matcher = matchSpans(query)
  if (matcher !== null || (sortBy !== null && sortBy !== 'sequence_id')) {
    const spans = places.map((place) => place.read())
    return pageOf(spans, matcher, { ...query, sortBy }, sortFields.spans)
  }
  const rollout = state.rollouts.get(query.rolloutId)
  const isSorted = sortBy === null || (rollout?.isInOrder === true && sortOrder === 'asc')
  const direction = sortOrder === 'asc' ? 1 : -1
  const sorted = isSorted ? places : places.toSorted((a, b) => direction * (a.sequence - b.sequence))
  const page = sorted.slice(offset, limit === -1 ? undefined : offset + limit)
  return { items: page.map((place) => place.read()), limit, offset, total: places.length }
}

function placesInOrder(state: MemoryState, query: SpanQuery): readonly SpanPlace[] {
  const attempts = attemptsOf(state, query)
  if (attempts.some((attempt) => attempt.isGone)) throw spansGone(query.rolloutId)
  const places = attempts.flatMap(({ spans }) => (spans === null ? [] : [...placesOf(spans)]))
  const isInOrder = places.every((place, index) => index === 0 || places[index - 1]!.arrival < place.arrival)
  return isInOrder ? places : places.toSorted((a, b) => a.arrival - b.arrival)
}

function attemptsOf(state: MemoryState, { rolloutId, attemptId }: SpanQuery): readonly AttemptRow[] {
  const rollout = state.rollouts.get(rolloutId)
  if (rollout === undefined) return []
  if (attemptId === undefined) return rollout.attempts
  const attempt = attemptId === 'latest' ? latestAttempt(rollout) : state.attempts.get(attemptId)
  return attempt?.rollout === rollout ? [attempt] : []
}

/**
 * The next sequence ids; all rollouts are known before the first id is given. The count is the rollout's: as in the
 * reference, the attempt may be any.
 * @throws AglError `not_found`, and `invalid_argument` for a rollout whose spans have used up all ids
 */
export function nextSequenceIds(
  state: MemoryState,
  attempts: Parameters<LightningStore['getManySpanSequenceIds']>[0]['attempts'],
): readonly number[] {
  const rollouts = attempts.map(({ rolloutId }) => findRollout(state, rolloutId))
  for (const { sequence } of rollouts) checkSequenceId(sequence + rollouts.length)
  return rollouts.map(nextSequenceId)
}
