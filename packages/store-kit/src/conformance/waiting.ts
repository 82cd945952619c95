import type { LightningStore } from '@agl/types'
import { expect } from 'vitest'
import { enqueueAndClaim, keyOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

async function finish(store: LightningStore, rolloutId: string): Promise<void> {
  await store.updateRollout({ rolloutId, status: 'succeeded' })
}

export function describeWaiting({ check, open }: Suite): void {
  check('WAIT-01', 'answers the finished ones in the order asked, repeated ones repeated, unknown ones left out', async () => {
    const { store, stateOf } = await open()
    for (const rolloutId of ['a', 'b', 'c']) await store.enqueueRollout({ input: 1, rollout_id: rolloutId })
    await finish(store, 'a')
    await finish(store, 'c')
    const rolloutIds = ['c', 'x', 'b', 'a', 'c']
    const now = await store.waitForRollouts({ rolloutIds, timeoutMs: 0 })
    expect(now.map((rollout) => rollout.rollout_id)).toEqual(['c', 'a', 'c'])
    expect(now[0]).not.toHaveProperty('attempt')
    const waiting = store.waitForRollouts({ rolloutIds })
    expect(await stateOf(waiting)).toBe('pending')
    await finish(store, 'b')
    expect((await waiting).map((rollout) => rollout.rollout_id)).toEqual(['c', 'b', 'a', 'c'])
    expect(await store.waitForRollouts({ rolloutIds: ['x'] })).toEqual([])
    expect(await store.waitForRollouts({ rolloutIds: [] })).toEqual([])
  })

  check('WAIT-02', 'answers what is finished when its time is over', async () => {
    const { store, advance } = await open()
    for (const rolloutId of ['a', 'b']) await store.enqueueRollout({ input: 1, rollout_id: rolloutId })
    const waiting = store.waitForRollouts({ rolloutIds: ['a', 'b'], timeoutMs: 1000 })
    await finish(store, 'b')
    await advance(1001)
    expect(await waiting).toMatchObject([{ rollout_id: 'b' }])
    // No time at all, or less, is over at once.
    for (const timeoutMs of [0, -1]) {
      const looking = store.waitForRollouts({ rolloutIds: ['a', 'b'], timeoutMs })
      expect(await looking).toMatchObject([{ rollout_id: 'b' }])
    }
  })

  check('WAIT-03', 'is woken by an attempt that ends, for every call that waits', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const waits = [1, 2, 3].map(() => store.waitForRollouts({ rolloutIds: [claimed.rollout_id] }))
    await store.updateAttempt({ ...keyOf(claimed), status: 'succeeded' })
    for (const finished of await Promise.all(waits)) expect(finished).toMatchObject([{ status: 'succeeded' }])
  })

  check('WAIT-04', 'waits again after a reopening, before the call or during it', async () => {
    const { store, stateOf } = await open()
    for (const rolloutId of ['a', 'b']) await store.enqueueRollout({ input: 1, rollout_id: rolloutId })
    await finish(store, 'a')
    await store.updateRollout({ rolloutId: 'a', status: 'running' })
    const alone = store.waitForRollouts({ rolloutIds: ['a'] })
    expect(await stateOf(alone)).toBe('pending')
    await finish(store, 'a')
    expect(await alone).toHaveLength(1)
    const both = store.waitForRollouts({ rolloutIds: ['a', 'b'] })
    await store.startAttempt({ rolloutId: 'a' })
    await finish(store, 'b')
    expect(await stateOf(both)).toBe('pending')
    await finish(store, 'a')
    expect(await both).toHaveLength(2)
  })

  check('WAIT-05', 'an aborted wait rejects with the reason', async () => {
    const { store } = await open()
    await store.enqueueRollout({ input: 1, rollout_id: 'a' })
    const controller = new AbortController()
    const waiting = store.waitForRollouts({ rolloutIds: ['a'], signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })

  check('WAIT-06', 'each of the finished statuses ends a wait, and nothing else does', async () => {
    const { store, stateOf } = await open()
    for (const status of ['succeeded', 'failed', 'cancelled'] as const) {
      const claimed = await enqueueAndClaim(store)
      const waiting = store.waitForRollouts({ rolloutIds: [claimed.rollout_id] })
      for (const passing of ['running', 'requeuing', 'preparing'] as const) {
        await store.updateRollout({ rolloutId: claimed.rollout_id, status: passing })
        expect(await stateOf(waiting)).toBe('pending')
      }
      await store.updateRollout({ rolloutId: claimed.rollout_id, status })
      expect(await waiting).toMatchObject([{ rollout_id: claimed.rollout_id, status }])
    }
  })

  check('WAIT-07', 'thousands of rollouts are awaited at once', async () => {
    const { store } = await open()
    const rollouts = await store.enqueueManyRollouts({ rollouts: Array.from({ length: 2000 }, (_, input) => ({ input })) })
    const rolloutIds = rollouts.map((rollout) => rollout.rollout_id)
    const waiting = store.waitForRollouts({ rolloutIds })
    expect(await store.waitForRollouts({ rolloutIds, timeoutMs: 0 })).toEqual([])
    for (const rolloutId of rolloutIds.toReversed()) await finish(store, rolloutId)
    expect((await waiting).map((rollout) => rollout.rollout_id)).toEqual(rolloutIds)
  })

  check('WAIT-08', 'a wait for some ends when so many are finished', async () => {
    const { store, stateOf, advance } = await open()
    for (const rolloutId of ['a', 'b', 'c']) await store.enqueueRollout({ input: 1, rollout_id: rolloutId })
    // An id given twice is one rollout, and an unknown one cannot finish.
    const rolloutIds = ['c', 'b', 'a', 'a', 'x']
    const first = store.waitForRollouts({ rolloutIds, atLeast: 1 })
    const two = store.waitForRollouts({ rolloutIds, atLeast: 2 })
    const all = store.waitForRollouts({ rolloutIds, atLeast: 9, timeoutMs: 5000 })
    await finish(store, 'a')
    expect((await first).map((rollout) => rollout.rollout_id)).toEqual(['a', 'a'])
    expect(await store.waitForRollouts({ rolloutIds, atLeast: 1 })).toHaveLength(2)
    await store.updateRollout({ rolloutId: 'a', status: 'running' })
    await finish(store, 'b')
    expect(await stateOf(two)).toBe('pending')
    await finish(store, 'a')
    expect((await two).map((rollout) => rollout.rollout_id)).toEqual(['b', 'a', 'a'])
    expect(await stateOf(all)).toBe('pending')
    await finish(store, 'c')
    expect(await all).toHaveLength(4)
    await store.enqueueRollout({ input: 1, rollout_id: 'd' })
    const late = store.waitForRollouts({ rolloutIds: ['a', 'd'], atLeast: 2, timeoutMs: 1000 })
    expect(await stateOf(late)).toBe('pending')
    await advance(1001)
    expect((await late).map((rollout) => rollout.rollout_id)).toEqual(['a'])
  })
}
