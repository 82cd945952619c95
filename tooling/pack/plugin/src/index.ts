// What somebody else's package looks like: a resource kind and an algorithm, made with @agl/types alone.
import { type Algorithm, defineResourceKind, type JsonValue } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { z } from 'zod'

/** A resource that AGL knows nothing about: the least value that an agent accepts. */
export const threshold = defineResourceKind<{ readonly value: number }>({
  name: 'threshold',
  schema: z.object({ value: z.number() }),
})

/** Tries each threshold on every task; its result is the best one with the sum of its rewards. */
export function tryThresholds<Task extends JsonValue>(
  values: readonly number[],
): Algorithm<{ value: number; total: number }, Task> {
  return {
    name: 'try-thresholds',
    async run({ store, trainDataset, signal }) {
      const results: { value: number; total: number }[] = []
      for (const value of values) {
        const { resources_id } = await store.addResources({ resources: { least: threshold.create({ value }) } })
        const rollouts = await store.enqueueManyRollouts({
          rollouts: Array.from(trainDataset, (input) => ({ input, resources_id })),
        })
        const rolloutIds = rollouts.map(({ rollout_id }) => rollout_id)
        await store.waitForRollouts({ rolloutIds, signal })
        const pages = await Promise.all(rolloutIds.map((rolloutId) => store.querySpans({ rolloutId, attemptId: 'latest' })))
        results.push({ value, total: pages.reduce((sum, { items }) => sum + (findFinalReward(items) ?? Number.NaN), 0) })
      }
      return results.reduce((best, result) => (result.total > best.total ? result : best))
    },
  }
}
