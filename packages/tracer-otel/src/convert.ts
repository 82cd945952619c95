import type { Attributes, NewSpan, SpanContext as AglSpanContext, SpanStatusCode } from '@agl/types'
import { isAttributeValue, resourceAttributes } from '@agl/types'
import {
  type Attributes as OtelAttributes,
  type HrTime,
  type SpanContext,
  SpanStatusCode as OtelStatusCode,
} from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'

/** A finished OpenTelemetry span as a span of an attempt. Kind, scope and flags have no place in the record. */
export function toAglSpan(span: ReadableSpan, attempt: { readonly rolloutId: string; readonly attemptId: string }): NewSpan {
  const context = toContext(span.spanContext())
  const parent = span.parentSpanContext === undefined ? null : toContext(span.parentSpanContext)
  return {
    rollout_id: attempt.rolloutId,
    attempt_id: attempt.attemptId,
    trace_id: context.trace_id,
    span_id: context.span_id,
    parent_id: parent?.span_id ?? null,
    name: span.name,
    status: { status_code: statusCodes[span.status.code], description: span.status.message ?? null },
    attributes: toAttributes(span.attributes),
    events: span.events.map(({ name, attributes, time }) => ({
      name,
      attributes: toAttributes(attributes ?? {}),
      timestamp: toSeconds(time),
    })),
    links: span.links.map((link) => ({ context: toContext(link.context), attributes: toAttributes(link.attributes ?? {}) })),
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
      schema_url: '',
    },
  }
}

const statusCodes: Readonly<Record<OtelStatusCode, SpanStatusCode>> = {
  [OtelStatusCode.UNSET]: 'UNSET',
  [OtelStatusCode.OK]: 'OK',
  [OtelStatusCode.ERROR]: 'ERROR',
}

/** Values that the record cannot hold (null inside a list, mixed lists) become JSON text instead of being lost. */
function toAttributes(attributes: OtelAttributes): Attributes {
  const entries = Object.entries(attributes).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries.map(([key, value]) => [key, isAttributeValue(value) ? value : JSON.stringify(value)]))
}

function toContext({ traceId, spanId, isRemote, traceState }: SpanContext): AglSpanContext {
  const entries = (traceState?.serialize() ?? '').split(',').filter((entry) => entry.includes('='))
  return {
    trace_id: traceId,
    span_id: spanId,
    is_remote: isRemote ?? false,
    trace_state: Object.fromEntries(
      entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    ),
  }
}

function toSeconds([seconds, nanoseconds]: HrTime): number {
  return seconds + nanoseconds / 1e9
}
