import {
  type Emitter,
  errorMessage,
  type Logger,
  type NewSpan,
  silentLogger,
  type SpanCoreFields,
  type TracedAttempt,
  type Tracer,
} from '@agl/types'
import { createEmitter, spanOfAttempt } from '@agl/types/spans'

/** The runner's default tracer: records what is emitted by hand and nothing else. Late spans are written as they come. */
export function createDirectTracer({ logger = silentLogger }: { readonly logger?: Logger } = {}): Tracer {
  return Object.freeze({
    async trace<Result>(attempt: TracedAttempt, work: (emit: Emitter) => Promise<Result>): Promise<Result> {
      const { rolloutId, attemptId, sink } = attempt
      const spans: NewSpan[] = []
      let isFinished = false
      const flush = async (): Promise<void> => {
        if (spans.length > 0) await sink.addManySpans({ spans: spans.splice(0) })
      }
      const write = (span: SpanCoreFields): void => {
        spans.push(spanOfAttempt(span, attempt))
        if (!isFinished) return
        flush().catch((error: unknown) =>
          logger.warn('A late span was refused', { rolloutId, attemptId, error: errorMessage(error) }),
        )
      }
      const emit = createEmitter({ now: () => Date.now() / 1000, write, nest: (operation) => operation(write) })
      let result: Result
      try {
        result = await work(emit)
      } catch (error) {
        isFinished = true
        // What went wrong in the work is what counts.
        await flush().catch(() => {})
        throw error
      }
      isFinished = true
      await flush()
      return result
    },
    async close() {},
    async [Symbol.asyncDispose]() {},
  })
}
