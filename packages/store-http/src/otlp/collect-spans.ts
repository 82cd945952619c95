import { highestSequenceId } from '@agl/store-kit'
import {
  type AttributeValue,
  describeValue,
  type NewSpan,
  type OtelResource,
  resourceAttributes,
  type SpanContext,
  type SpanEvent,
  type SpanLink,
  type SpanStatus,
} from '@agl/types'
import type { OtlpAttributes } from './attributes.ts'

/** What a payload says of one span, in either form. Ids are hex digits, possibly too few. */
export interface SpanParts {
  readonly traceId: string
  readonly spanId: string
  /** Empty for a root. */
  readonly parentId: string
  readonly name: string
  /** 0 unset, 1 ok, 2 error. */
  readonly statusCode: number
  readonly statusMessage: string
  readonly attributes: OtlpAttributes
  readonly events: readonly SpanEvent[]
  readonly links: readonly SpanLink[]
  /** Epoch seconds. */
  readonly startTime: number | null
  readonly endTime: number | null
}

/** Spans of a payload that belong to no attempt and thus cannot be stored. */
export interface RejectedSpans {
  readonly count: number
  /** Why, for the first few. */
  readonly messages: readonly string[]
}

/** Spans of a payload, in its order. */
export interface DecodedTraces {
  readonly spans: readonly NewSpan[]
  readonly rejected: RejectedSpans
}

/** Gathers the spans of one payload. */
export interface SpanCollector {
  /** For spans, events and links before they are read. @throws Error when the payload holds too many */
  count(records: number): void
  add(parts: SpanParts, resource: OtelResource): void
  finish(): DecodedTraces
}

const maxMessages = 3

/** Of two bytes a payload can make a record of hundreds; honest batches hold some hundred spans. */
const maxRecords = 2 ** 17

/** Each span is attributed to the attempt that its attributes name, else to the one that its resource names. */
export function createSpanCollector(): SpanCollector {
  const spans: NewSpan[] = []
  const messages: string[] = []
  let rejected = 0
  let records = 0

  function reject(parts: SpanParts, missing: string): void {
    rejected += 1
    if (messages.length === maxMessages) return
    messages.push(
      `Span ${describeValue(parts.name)} (${parts.spanId.padStart(16, '0').slice(0, 16)}) has no \`${missing}\`, neither of its own nor in its resource: it belongs to no attempt and was not stored.`,
    )
  }

  return {
    count(more) {
      records += more
      if (records > maxRecords) {
        throw new Error(`it holds more than ${maxRecords} spans, events and links; send smaller batches`)
      }
    },
    add(parts, resource) {
      const own = parts.attributes
      const shared = resource.attributes
      const rolloutId = own[resourceAttributes.rolloutId] ?? shared[resourceAttributes.rolloutId]
      if (rolloutId === undefined) return reject(parts, resourceAttributes.rolloutId)
      const attemptId = own[resourceAttributes.attemptId] ?? shared[resourceAttributes.attemptId]
      if (attemptId === undefined) return reject(parts, resourceAttributes.attemptId)
      const sequenceId = toSequenceId(own[resourceAttributes.spanSequenceId] ?? shared[resourceAttributes.spanSequenceId])
      const span = toSpan(parts, resource, String(rolloutId), String(attemptId))
      spans.push(sequenceId === null ? span : { ...span, sequence_id: sequenceId })
    },
    finish() {
      return { spans, rejected: { count: rejected, messages } }
    },
  }
}

function toSpan(parts: SpanParts, resource: OtelResource, rolloutId: string, attemptId: string): NewSpan {
  const context = toContext(parts.traceId, parts.spanId)
  return {
    rollout_id: rolloutId,
    attempt_id: attemptId,
    trace_id: context.trace_id,
    span_id: context.span_id,
    parent_id: parts.parentId === '' ? null : parts.parentId.padStart(16, '0'),
    name: parts.name,
    status: toStatus(parts.statusCode, parts.statusMessage),
    attributes: parts.attributes,
    events: parts.events,
    links: parts.links,
    start_time: parts.startTime,
    end_time: parts.endTime,
    context,
    parent: null,
    resource,
  }
}

/** Ids of any length as the record has them. Flags, which may tell that a context is remote, are not read, as in the reference. */
export function toContext(traceId: string, spanId: string): SpanContext {
  return { trace_id: traceId.padStart(32, '0'), span_id: spanId.padStart(16, '0'), is_remote: false, trace_state: {} }
}

function toStatus(code: number, message: string): SpanStatus {
  return { status_code: code === 1 ? 'OK' : code === 2 ? 'ERROR' : 'UNSET', description: message === '' ? null : message }
}

/** Null for what is no count that a store takes: it then gives the next one, as the reference does. */
function toSequenceId(value: AttributeValue | undefined): number | null {
  if (typeof value !== 'number' && (typeof value !== 'string' || !/^\s*\+?\d{1,16}\s*$/.test(value))) return null
  const number = Number(value)
  return Number.isSafeInteger(number) && number >= 0 && number <= highestSequenceId ? number : null
}
