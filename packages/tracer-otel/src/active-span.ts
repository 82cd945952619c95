import type { SpanContext } from '@agl/types'
import { spanContextFromOtel } from '@agl/types/spans'
import { context, trace } from '@opentelemetry/api'

/** The OpenTelemetry span that is active in the calling code, for what is recorded by hand to hang under; null when there is none. */
export function activeSpanContext(): SpanContext | null {
  const active = trace.getSpanContext(context.active())
  return active === undefined ? null : spanContextFromOtel(active)
}
