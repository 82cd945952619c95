import { resourceAttributes } from '../semantic-conventions.ts'
import { type Attributes, isAttributeValue } from '../attribute.ts'
import type { NewSpan, SpanContext, SpanStatusCode } from '../span.ts'

/** Seconds and nanoseconds since the epoch. */
export type OtelTime = readonly [number, number]

export interface OtelSpanContext {
  readonly traceId: string
  readonly spanId: string
  readonly isRemote?: boolean | undefined
  readonly traceState?: { serialize(): string } | undefined
}

/** Values that OpenTelemetry allows; lists may hold null. */
export type OtelAttributes = Readonly<Record<string, unknown>>

/** What is read of a finished OpenTelemetry span: the `ReadableSpan` of SDK 3.x fits, without this package knowing the SDK. */
export interface OtelSpan {
  readonly name: string
  readonly spanContext: () => OtelSpanContext
  readonly parentSpanContext?: OtelSpanContext | undefined
  readonly startTime: OtelTime
  readonly endTime: OtelTime
  /** 0 unset, 1 ok, 2 error. */
  readonly status: { readonly code: number; readonly message?: string | undefined }
  readonly attributes: OtelAttributes
  readonly events: readonly { readonly name: string; readonly time: OtelTime; readonly attributes?: OtelAttributes | undefined }[]
  readonly links: readonly { readonly context: OtelSpanContext; readonly attributes?: OtelAttributes | undefined }[]
  readonly resource: { readonly attributes: OtelAttributes; readonly schemaUrl?: string | undefined }
}

/**
 * A finished OpenTelemetry span as a span of an attempt. Kind, scope and flags have no place in the record. Attribute values
 * that it cannot hold (mixed lists, null inside a list) become JSON text instead of being lost.
 */
export function spanFromOtel(span: OtelSpan, attempt: { readonly rolloutId: string; readonly attemptId: string }): NewSpan {
  const context = spanContextFromOtel(span.spanContext())
  const parent = span.parentSpanContext === undefined ? null : spanContextFromOtel(span.parentSpanContext)
  return {
    rollout_id: attempt.rolloutId,
    attempt_id: attempt.attemptId,
    trace_id: context.trace_id,
    span_id: context.span_id,
    parent_id: parent?.span_id ?? null,
    name: span.name,
    status: { status_code: statusCodes[span.status.code] ?? 'UNSET', description: span.status.message ?? null },
    attributes: toAttributes(span.attributes),
    events: span.events.map(({ name, attributes, time }) => ({
      name,
      attributes: toAttributes(attributes ?? {}),
      timestamp: toSeconds(time),
    })),
    links: span.links.map((link) => ({
      context: spanContextFromOtel(link.context),
      attributes: toAttributes(link.attributes ?? {}),
    })),
    start_time: toSeconds(span.startTime),
    end_time: toSeconds(span.endTime),
    context,
    parent,
    resource: {
      attributes: {
        ...toAttributes(span.resource.attributes),
        [resourceAttributes.rolloutId]: attempt.rolloutId,
        [resourceAttributes.attemptId]: attempt.attemptId,
        [resourceAttributes.tracerName]: 'otel',
      },
      schema_url: span.resource.schemaUrl ?? '',
    },
  }
}

const statusCodes: readonly SpanStatusCode[] = ['UNSET', 'OK', 'ERROR']

/** Nearly always every value is one that a record holds, and the object of the ended span serves as it is. */
function toAttributes(attributes: OtelAttributes): Attributes {
  for (const key in attributes) if (!isAttributeValue(attributes[key])) return mendAttributes(attributes)
  return attributes as Attributes
}

function mendAttributes(attributes: OtelAttributes): Attributes {
  const entries = Object.entries(attributes).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries.map(([key, value]) => [key, isAttributeValue(value) ? value : JSON.stringify(value)]))
}

/** A span's context as the record has it. */
export function spanContextFromOtel({ traceId, spanId, isRemote, traceState }: OtelSpanContext): SpanContext {
  const entries = (traceState?.serialize() ?? '').split(',').filter((entry) => entry.includes('='))
  const toPair = (entry: string): [string, string] => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]
  return {
    trace_id: traceId,
    span_id: spanId,
    is_remote: isRemote ?? false,
    trace_state: Object.fromEntries(entries.map(toPair)),
  }
}

function toSeconds([seconds, nanoseconds]: OtelTime): number {
  return seconds + nanoseconds / 1e9
}
