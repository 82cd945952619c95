import type { Emitter, NewSpan, TracedAttempt, Tracer } from '@agl/types'
import { buildSpan, rewardSpanName, rewardToAttributes } from '@agl/types/spans'

/** The runner's default tracer: records what is emitted by hand and nothing else. */
export function createDirectTracer(): Tracer {
  return Object.freeze({
    async trace<Result>(attempt: TracedAttempt, work: (emit: Emitter) => Promise<Result>): Promise<Result> {
      const spans: NewSpan[] = []
      const emit: Emitter = {
        reward(value, options) {
          const now = Date.now() / 1000
          const { rolloutId, attemptId } = attempt
          const attributes = rewardToAttributes(value, options)
          spans.push(buildSpan({ rolloutId, attemptId, name: rewardSpanName, attributes, startTime: now, endTime: now }))
        },
      }
      try {
        return await work(emit)
      } finally {
        if (spans.length > 0) await attempt.sink.addManySpans({ spans })
      }
    },
    async close() {},
    async [Symbol.asyncDispose]() {},
  })
}
