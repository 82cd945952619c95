import { matchSpans, pageOf, type ParsedSpan, parseNewSpan, sortFields, spansArrived } from '@agl/store-kit'
import type { LightningStore, NewSpan, Page, Span, SpanQuery } from '@agl/types'
import { isRewardSpan } from '@agl/types/spans'
import { applyTransition, subjectOf } from './apply.ts'
import { type AttemptRow, findAttempt, findRollout, latestAttempt, type MemoryState, type RolloutRow } from './state.ts'

export function addSpan(state: MemoryState, span: NewSpan): Span | null {
  const parsed = parseNewSpan(span)
  const attempt = attemptOf(state, parsed)
  const stored = storeSpan(state, attempt, parsed)
  if (stored !== null) noteArrival(state, attempt, [stored])
  return stored
}

export function addManySpans(state: MemoryState, spans: readonly NewSpan[]): readonly Span[] {
  // All spans and ids are checked before the first span is stored.
  const parsed = spans.map(parseNewSpan)
  const attempts = parsed.map((span) => attemptOf(state, span))
  const stored: Span[] = []
  const byAttempt = new Map<AttemptRow, Span[]>()
  for (const [index, span] of parsed.entries()) {
    const attempt = attempts[index]!
    const kept = storeSpan(state, attempt, span)
    if (kept === null) continue
    stored.push(kept)
    const group = byAttempt.get(attempt)
    if (group === undefined) byAttempt.set(attempt, [kept])
    else group.push(kept)
  }
  for (const [attempt, group] of byAttempt) noteArrival(state, attempt, group)
  return stored
}

function attemptOf(state: MemoryState, span: ParsedSpan): AttemptRow {
  return findAttempt(state, findRollout(state, span.rollout_id), span.attempt_id)
}

/** Null for a duplicate, which still raises the counter by the sequence id it brings. */
function storeSpan(state: MemoryState, attempt: AttemptRow, span: ParsedSpan): Span | null {
  const { rollout } = attempt
  const given = span.sequence_id
  if (given !== undefined) rollout.sequence = Math.max(rollout.sequence, given)
  if (attempt.spans.has(span.span_id)) {
    const { rollout_id: rolloutId, attempt_id: attemptId, span_id: spanId } = span
    state.logger.debug('duplicate span skipped', { rolloutId, attemptId, spanId })
    return null
  }
  span.sequence_id ??= nextSequenceId(rollout)
  const stored = Object.freeze(span) as Span
  attempt.spans.set(stored.span_id, stored)
  rollout.spans.push(stored)
  state.spanCount++
  return stored
}

function nextSequenceId(rollout: RolloutRow): number {
  return ++rollout.sequence
}

function noteArrival(state: MemoryState, attempt: AttemptRow, spans: readonly Span[]): void {
  const hasReward = attempt.entry.notes.hasReward || spans.some(isRewardSpan)
  const now = state.clock.now()
  applyTransition(state, attempt.rollout, spansArrived(subjectOf(attempt), { hasReward, now }), now)
}

/** Without `sortBy` by sequence id; null asks for the order of arrival. */
export function querySpans(state: MemoryState, query: SpanQuery): Page<Span> {
  const { sortBy = 'sequence_id' } = query
  return pageOf(spansOf(state, query), matchSpans(query), { ...query, sortBy }, sortFields.spans)
}

function spansOf(state: MemoryState, { rolloutId, attemptId }: SpanQuery): readonly Span[] {
  const rollout = state.rollouts.get(rolloutId)
  if (rollout === undefined) return []
  if (attemptId === undefined) return rollout.spans
  const attempt = attemptId === 'latest' ? latestAttempt(rollout) : state.attempts.get(attemptId)
  return attempt?.rollout === rollout ? [...attempt.spans.values()] : []
}

/**
 * The next sequence ids; all rollouts are known before the first id is given. The count is the rollout's: as in the
 * reference, the attempt may be any.
 * @throws AglError `not_found`
 */
export function nextSequenceIds(
  state: MemoryState,
  attempts: Parameters<LightningStore['getManySpanSequenceIds']>[0]['attempts'],
): readonly number[] {
  const rollouts = attempts.map(({ rolloutId }) => findRollout(state, rolloutId))
  return rollouts.map(nextSequenceId)
}
