import { resourceAttributes } from '@agl/types'
import { spanFromOtel } from '@agl/types/spans'
import { type Context, trace } from '@opentelemetry/api'
import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace'
import { type ActiveAttempt, attemptOfContext, currentAttempt } from './attribution.ts'

/**
 * A span processor for any OpenTelemetry 3.x tracer provider: hands each span that was started inside an attempt to that
 * attempt when it ends, wherever and whenever it ends; spans of other code pass by. It marks its spans with the ids of rollout and
 * attempt, so that they can be found in whatever else the provider exports to.
 */
export function createAttemptSpanProcessor(): SpanProcessor {
  return createProcessor({ marks: true })
}

export function createProcessor({ marks }: { readonly marks: boolean }): SpanProcessor {
  const owners = new WeakMap<object, ActiveAttempt>()

  /** What the library says (the context, the parent) counts before where the code happens to run, say in a shared queue. */
  function ownerOf(context: Context): ActiveAttempt | undefined {
    const known = attemptOfContext(context)
    if (known !== undefined) return known
    const parent = trace.getSpan(context)
    return (parent && owners.get(parent)) ?? currentAttempt()
  }

  return {
    onStart(span: Span, parentContext: Context) {
      const owner = ownerOf(parentContext)
      if (owner === undefined) return
      owners.set(span, owner)
      if (!marks) return
      const { rolloutId, attemptId } = owner.attempt
      span.setAttribute(resourceAttributes.rolloutId, rolloutId)
      span.setAttribute(resourceAttributes.attemptId, attemptId)
    },
    onEnd(span: ReadableSpan) {
      const owner = owners.get(span)
      if (owner !== undefined) owner.record(spanFromOtel(span, owner.attempt), span)
    },
    async forceFlush() {
      await currentAttempt()?.flush()
    },
    async shutdown() {},
  }
}
