import { expect } from 'vitest'
import type { Suite } from './harness.ts'

export function describeClosing({ check, open }: Suite): void {
  check('CLOSE-01', 'ends every wait and refuses every later call; again is harmless', async () => {
    const { store } = await open()
    await store.enqueueRollout({ input: 1, rollout_id: 'a' })
    await store.dequeueRollout()
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

  check('CLOSE-02', 'every verb is refused', async () => {
    const { store } = await open()
    await store.close()
    const key = { rolloutId: 'a', attemptId: 'b' }
    const closed = { code: 'closed' }
    await expect(store.dequeueRollout()).rejects.toMatchObject(closed)
    await expect(store.dequeueManyRollouts({ limit: 1 })).rejects.toMatchObject(closed)
    await expect(store.startRollout({ rollout: { input: 1 } })).rejects.toMatchObject(closed)
    await expect(store.startAttempt({ rolloutId: 'a' })).rejects.toMatchObject(closed)
    await expect(store.updateAttempt(key)).rejects.toMatchObject(closed)
    await expect(store.updateRollout({ rolloutId: 'a' })).rejects.toMatchObject(closed)
    await expect(store.cancelRollouts({ rolloutIds: [] })).rejects.toMatchObject(closed)
    await expect(store.getNextSpanSequenceId(key)).rejects.toMatchObject(closed)
    await expect(store.querySpans({ rolloutId: 'a' })).rejects.toMatchObject(closed)
    await expect(store.queryRollouts()).rejects.toMatchObject(closed)
    await expect(store.getRolloutById({ rolloutId: 'a' })).rejects.toMatchObject(closed)
    await expect(store.waitForRollouts({ rolloutIds: [] })).rejects.toMatchObject(closed)
    await expect(store.addResources({ resources: {} })).rejects.toMatchObject(closed)
    await expect(store.getLatestResources()).rejects.toMatchObject(closed)
    await expect(store.queryWorkers()).rejects.toMatchObject(closed)
    await expect(store.updateWorker({ workerId: 'w' })).rejects.toMatchObject(closed)
    await expect(store.heartbeat({ workerId: 'w' })).rejects.toMatchObject(closed)
  })
}
