import { describe, expect, test } from 'vitest'
import type { Harness } from './harness.ts'

export function describeClosing({ open }: Harness): void {
  describe('closing', () => {
    test('ends every wait and refuses every later call; again is harmless', async () => {
      const { store } = await open()
      await store.enqueueRollout({ input: 1, rollout_id: 'a' })
      await store.dequeueRollout({ leaseMs: 1000 })
      const waits = [store.dequeueRollout({ waitMs: 60_000 }), store.waitForRollouts({ rolloutIds: ['a'] })]
      const outcomes = Promise.allSettled(waits)
      await store.close()
      await store.close()
      await store[Symbol.asyncDispose]()
      expect(await outcomes).toMatchObject([
        { status: 'rejected', reason: { code: 'closed' } },
        { status: 'rejected', reason: { code: 'closed' } },
      ])
      await expect(store.enqueueRollout({ input: 1 })).rejects.toMatchObject({ code: 'closed' })
      await expect(store.statistics()).rejects.toMatchObject({ code: 'closed' })
    })
  })
}
