import { type NewSpan, resourceAttributes } from '@agl/types'
import { type Attributes, type HrTime, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'

const statusCodes = { UNSET: SpanStatusCode.UNSET, OK: SpanStatusCode.OK, ERROR: SpanStatusCode.ERROR } as const
const resource = resourceFromAttributes({ 'service.name': 'agl' })
const scope = { name: '@agl/tracer-otel' }

/** A span of an attempt as OpenTelemetry exporters take it, with the ids of rollout and attempt among its attributes. */
export function toReadableSpan(span: NewSpan): ReadableSpan {
  const startTime = toHrTime(span.start_time ?? span.end_time ?? 0)
  const endTime = toHrTime(span.end_time ?? span.start_time ?? 0)
  const context = { traceId: span.trace_id, spanId: span.span_id, traceFlags: TraceFlags.SAMPLED }
  return {
    name: span.name,
    kind: SpanKind.INTERNAL,
    spanContext: () => context,
    ...(span.parent_id === null
      ? {}
      : { parentSpanContext: { traceId: span.trace_id, spanId: span.parent_id, traceFlags: TraceFlags.SAMPLED } }),
    startTime,
    endTime,
    duration: toHrTime(Math.max(0, (span.end_time ?? 0) - (span.start_time ?? span.end_time ?? 0))),
    ended: true,
    status: {
      code: statusCodes[span.status.status_code],
      ...(span.status.description === null ? {} : { message: span.status.description }),
    },
    attributes: {
      ...(span.attributes as Attributes),
      [resourceAttributes.rolloutId]: span.rollout_id,
      [resourceAttributes.attemptId]: span.attempt_id,
    },
    events: span.events.map((event) => ({
      name: event.name,
      time: toHrTime(event.timestamp ?? span.start_time ?? 0),
      attributes: event.attributes as Attributes,
    })),
    links: span.links.map((link) => ({
      context: { traceId: link.context.trace_id, spanId: link.context.span_id, traceFlags: TraceFlags.SAMPLED },
      attributes: (link.attributes ?? {}) as Attributes,
    })),
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

/** A double holds epoch seconds to a quarter of a microsecond; what is finer is noise. */
function toHrTime(seconds: number): HrTime {
  const whole = Math.floor(seconds)
  return [whole, Math.round((seconds - whole) * 1e7) * 100]
}
