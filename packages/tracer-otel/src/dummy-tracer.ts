import type { Emitter, NewSpan, Span, SpanSink, TracedAttempt, Tracer } from '@agl/types'
import { createOtelTracer } from './tracer.ts'

/** A tracer for tests: what is recorded stays in memory, whatever attempt it is for. */
export interface DummyTracer extends Tracer {
  /** Everything recorded so far, in the order of the sequence ids it was given. */
  readonly spans: readonly Span[]
  /** Traces `work` as an attempt that no store knows (`rollout-dummy`, `attempt-dummy`). */
  run<Result>(work: (emit: Emitter) => Promise<Result>): Promise<Result>
}

/**
 * Makes a {@link DummyTracer}. With `registerGlobally` it also records instrumented libraries, as the real one; without it (the default)
 * only emitters, the traced fetch, and a provider of your own with `createAttemptSpanProcessor()`.
 */
export function createDummyTracer({ registerGlobally = false }: { readonly registerGlobally?: boolean } = {}): DummyTracer {
  const spans: Span[] = []
  const sink: SpanSink = {
    async addManySpans(request: { readonly spans: readonly NewSpan[] }) {
      const added = request.spans.map((span, index): Span => ({ ...span, sequence_id: spans.length + index + 1 }))
      spans.push(...added)
      return added
    },
  }
  const tracer = createOtelTracer({ registerGlobally })
  const traceAs = <Result>(attempt: TracedAttempt, work: (emit: Emitter) => Promise<Result>): Promise<Result> =>
    tracer.trace({ ...attempt, sink }, work)
  return Object.freeze({
    spans,
    trace: traceAs,
    run: <Result>(work: (emit: Emitter) => Promise<Result>): Promise<Result> =>
      traceAs({ rolloutId: 'rollout-dummy', attemptId: 'attempt-dummy', sink }, work),
    close: tracer.close,
    [Symbol.asyncDispose]: tracer.close,
  })
}
