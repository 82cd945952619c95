import type { Span } from '@agl/types'
import type { OnFinding } from './findings.ts'

/** A span with a place in time. */
export interface PlacedSpan {
  readonly span: Span
  /** Epoch seconds; for a span that does not say, the start of the one before it in the store's order. */
  readonly start: number
  /** Never before `start`. */
  readonly end: number
}

/**
 * Spans in the order of time: by start, then by sequence id, then as given. A span id that comes twice stands once, as it
 * came last.
 */
export function orderSpans(spans: readonly Span[], report: OnFinding): readonly PlacedSpan[] {
  const byId = new Map<string, Span>()
  for (const span of spans) {
    if (byId.has(span.span_id)) {
      const reason = 'The span came more than once; its last form counts. Give the spans of one attempt, each once.'
      report({ kind: 'duplicate_span', spanId: span.span_id, reason })
    }
    byId.set(span.span_id, span)
  }
  const bySequence = [...byId.values()].sort((a, b) => a.sequence_id - b.sequence_id)
  const placed: (PlacedSpan & { readonly place: number })[] = []
  // Those that come first without a start begin with the first that has one.
  let latest = bySequence.find(({ start_time: start }) => isTime(start))?.start_time ?? 0
  for (const [place, span] of bySequence.entries()) {
    const { start_time: givenStart, end_time: givenEnd } = span
    if (!isTime(givenStart) || !isTime(givenEnd)) {
      const reason =
        'The span has no start or no end, so its place is taken from its sequence id. End spans before the attempt settles.'
      report({ kind: 'span_without_times', spanId: span.span_id, reason })
    }
    const start = isTime(givenStart) ? givenStart : latest
    placed.push({ span, start, end: isTime(givenEnd) ? Math.max(start, givenEnd) : start, place })
    latest = start
  }
  return placed.sort((a, b) => a.start - b.start || a.place - b.place)
}

function isTime(time: number | null): time is number {
  return Number.isFinite(time)
}
