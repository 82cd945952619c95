import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace'
import { currentAttempt } from './attribution.ts'

/** Ids that put all spans of an attempt into one trace, whoever starts them, so that a viewer shows the attempt as a whole. */
export function createAttemptIdGenerator(): IdGenerator {
  const random = new RandomIdGenerator()
  return {
    generateTraceId() {
      const active = currentAttempt()
      return active === undefined ? random.generateTraceId() : active.traceId
    },
    generateSpanId: () => random.generateSpanId(),
  }
}
