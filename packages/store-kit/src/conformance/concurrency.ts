import { describe, expect, test } from 'vitest'
import { enqueueAndClaim, type Harness, keyOf, spanOf } from './harness.ts'

export function describeConcurrency({ open }: Harness): void {
  describe('concurrency', () => {
    test('1,000 tasks claimed by 50 workers: nothing lost, nothing doubled', async () => {
      const { store } = await open()
      const claimed: string[] = []
      const work = async (workerId: string): Promise<void> => {
        for (;;) {
          const rollout = await store.dequeueRollout({ workerId, waitMs: 60_000, leaseMs: 60_000 })
          if (rollout === null || rollout.input === 'stop') return
          claimed.push(rollout.rollout_id)
          await store.addSpan(spanOf(rollout))
          await store.updateAttempt({ ...keyOf(rollout), status: 'succeeded' })
        }
      }
      const workers = Array.from({ length: 50 }, (_, index) => work(`w${index}`))
      const enqueued: string[] = []
      for (let batch = 0; batch < 10; batch++) {
        const rollouts = Array.from({ length: 100 }, (_, input) => ({ input }))
        for (const rollout of await store.enqueueManyRollouts({ rollouts })) enqueued.push(rollout.rollout_id)
      }
      const finished = await store.waitForRollouts({ rolloutIds: enqueued })
      await store.enqueueManyRollouts({ rollouts: workers.map(() => ({ input: 'stop', priority: -1 })) })
      await Promise.all(workers)
      expect(finished).toHaveLength(1000)
      expect(claimed).toHaveLength(1000)
      expect(new Set(claimed)).toEqual(new Set(enqueued))
      expect((await store.statistics()).total_attempts).toBe(1050)
      expect((await store.queryWorkers({ statusIn: ['busy'] })).total).toBe(50)
    })

    test('racing dequeues share what there is; racing spans get ids of their own', async () => {
      const { store } = await open()
      await store.enqueueManyRollouts({ rollouts: Array.from({ length: 20 }, (_, input) => ({ input })) })
      const claims = await Promise.all(Array.from({ length: 30 }, () => store.dequeueRollout()))
      const won = claims.filter((claim) => claim !== null)
      expect(new Set(won.map((claim) => claim.rollout_id)).size).toBe(20)
      expect(won).toHaveLength(20)
      const claimed = await enqueueAndClaim(store)
      const spans = await Promise.all(Array.from({ length: 30 }, () => store.addSpan(spanOf(claimed))))
      const ids = spans.map((span) => span!.sequence_id).sort((a, b) => a - b)
      expect(ids).toEqual(Array.from({ length: 30 }, (_, index) => index + 1))
    })
  })
}
