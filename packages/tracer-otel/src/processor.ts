import { spanFromOtel } from '@agl/types/spans'
import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace'
import { type ActiveAttempt, currentAttempt } from './attribution.ts'

/**
 * A span processor for any OpenTelemetry 3.x tracer provider: hands each span that was started inside an attempt to that
 * attempt when it ends, wherever and whenever it ends; spans of other code pass by.
 */
export function createAttemptSpanProcessor(): SpanProcessor {
  const owners = new WeakMap<object, ActiveAttempt>()
  return {
    onStart(span: Span) {
      const active = currentAttempt()
      if (active !== undefined) owners.set(span, active)
    },
    onEnd(span: ReadableSpan) {
      const owner = owners.get(span)
      if (owner === undefined) return
      owner.record(spanFromOtel(span, owner.attempt))
    },
    async forceFlush() {
      await currentAttempt()?.flush()
    },
    async shutdown() {},
  }
}
