import { createAlwaysRecordSampler, type Sampler } from '@opentelemetry/sdk-trace'
import { attemptOfContext, currentAttempt } from './attribution.ts'

/**
 * A sampler for a provider of your own: inside a rollout every span is recorded, as training needs all of them, and the
 * given sampler still decides which of them the other exporters get; outside, it alone decides.
 */
export function createAttemptSampler(sampler: Sampler): Sampler {
  const recording = createAlwaysRecordSampler(sampler)
  return {
    shouldSample(context, ...rest) {
      const active = attemptOfContext(context) ?? currentAttempt()
      return (active === undefined ? sampler : recording).shouldSample(context, ...rest)
    },
    toString: () => `AttemptSampler{${sampler.toString()}}`,
  }
}
