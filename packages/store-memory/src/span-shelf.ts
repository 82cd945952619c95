import type { Span } from '@agl/types'
import { type ArrivedSpan, arrivalAt, hasSpanId, packSpans, sequenceAt, type SpanChunk, unpackSpan } from './span-packing.ts'

/*
 * The spans of one attempt in order of arrival: packed chunks, then those still open, which are objects. Spans arrive
 * open; a settled attempt is packed some at a time, and late spans follow in chunks of their own.
 */

export interface SpanShelf {
  readonly chunks: SpanChunk[]
  open: ArrivedSpan[]
  /** The ids of the open ones; null while these are so few that they are compared one by one. */
  ids: Set<string> | null
  /** What the open ones take on the heap. */
  openBytes: number
  /** How many are in the chunks. */
  packed: number
}

/** Where a span is. */
export interface SpanPlace {
  readonly arrival: number
  readonly sequence: number
  readonly read: () => Span
}

/** What an open span takes beside itself: its place in the list and its id in the set. */
export const openSpanBytes = 120

/** Up to so many open spans need no set. */
const fewSpans = 16

export function createShelf(): SpanShelf {
  return { chunks: [], open: [], ids: null, openBytes: 0, packed: 0 }
}

export function hasSpan(shelf: SpanShelf, spanId: string): boolean {
  const isOpen = shelf.ids === null ? isAmong(shelf.open, spanId) : shelf.ids.has(spanId)
  return isOpen || (shelf.chunks.length > 0 && shelf.chunks.some((chunk) => hasSpanId(chunk, spanId)))
}

/** A loop, because a closure for each span that arrives costs as much as the few comparisons. */
function isAmong(open: readonly ArrivedSpan[], spanId: string): boolean {
  for (const { span } of open) if (span.span_id === spanId) return true
  return false
}

function idsOf(open: readonly ArrivedSpan[]): Set<string> | null {
  return open.length <= fewSpans ? null : new Set(open.map(({ span }) => span.span_id))
}

export function putSpan(shelf: SpanShelf, arrived: ArrivedSpan): void {
  shelf.open.push(arrived)
  if (shelf.ids === null) shelf.ids = idsOf(shelf.open)
  else shelf.ids.add(arrived.span.span_id)
  shelf.openBytes += arrived.bytes
}

/**
 * Packs the oldest open spans into a chunk.
 * @param count at most this many
 * @returns how many heap bytes were packed, and how many bytes they take now
 */
export function packShelf(shelf: SpanShelf, count: number): { readonly before: number; readonly after: number } {
  const moved = shelf.open.slice(0, count)
  const chunk = packSpans(moved)
  const before = moved.reduce((sum, { bytes }) => sum + bytes, 0)
  let after = chunkBytes(chunk)
  for (const index of chunk.objects?.keys() ?? []) after += moved[index]!.bytes
  shelf.chunks.push(chunk)
  shelf.packed += moved.length
  shelf.open = shelf.open.slice(count)
  shelf.ids = idsOf(shelf.open)
  shelf.openBytes -= before
  return { before, after }
}

/** With the objects that stand for a buffer. */
function chunkBytes(chunk: SpanChunk): number {
  return chunk.buffer.length + 300
}

export function* placesOf(shelf: SpanShelf): Generator<SpanPlace> {
  for (const chunk of shelf.chunks) {
    for (let index = 0; index < chunk.count; index++) {
      yield { arrival: arrivalAt(chunk, index), sequence: sequenceAt(chunk, index), read: () => unpackSpan(chunk, index) }
    }
  }
  for (const { span, arrival } of shelf.open) yield { arrival, sequence: span.sequence_id, read: () => span }
}
