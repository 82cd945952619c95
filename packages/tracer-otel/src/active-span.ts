import type { SpanContext } from '@agl/types'
import { spanContextFromOtel } from '@agl/types/spans'
import { context, isSpanContextValid, trace } from '@opentelemetry/api'

/** The OpenTelemetry span that is active in the calling code, for what is recorded by hand to hang under; null when there is none. */
export function activeSpanContext(): SpanContext | null {
  const active = trace.getSpanContext(context.active())
  // Instrumentation without a provider makes a span active that is none: its ids are all zeros.
  return active === undefined || !isSpanContextValid(active) ? null : spanContextFromOtel(active)
}
