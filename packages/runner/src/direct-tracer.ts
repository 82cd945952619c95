import { type Emitter, errorMessage, type Logger, type NewSpan, silentLogger, type TracedAttempt, type Tracer } from '@agl/types'
import { buildSpan, rewardSpanName, rewardToAttributes } from '@agl/types/spans'

/** The runner's default tracer: records what is emitted by hand and nothing else. Late spans are written as they come. */
export function createDirectTracer({ logger = silentLogger }: { readonly logger?: Logger } = {}): Tracer {
  return Object.freeze({
    async trace<Result>(
      { rolloutId, attemptId, sink }: TracedAttempt,
      work: (emit: Emitter) => Promise<Result>,
    ): Promise<Result> {
      const spans: NewSpan[] = []
      let isFinished = false
      const write = async (): Promise<void> => {
        if (spans.length > 0) await sink.addManySpans({ spans: spans.splice(0) })
      }
      const emit: Emitter = {
        reward: (value, options) => emit.span(rewardSpanName, rewardToAttributes(value, options)),
        span(name, attributes) {
          const now = Date.now() / 1000
          spans.push(buildSpan({ rolloutId, attemptId, name, attributes, startTime: now, endTime: now }))
          if (!isFinished) return
          write().catch((error: unknown) =>
            logger.warn('A late span was refused', { rolloutId, attemptId, error: errorMessage(error) }),
          )
        },
      }
      let result: Result
      try {
        result = await work(emit)
      } catch (error) {
        isFinished = true
        // What went wrong in the work is what counts.
        await write().catch(() => {})
        throw error
      }
      isFinished = true
      await write()
      return result
    },
    async close() {},
    async [Symbol.asyncDispose]() {},
  })
}
