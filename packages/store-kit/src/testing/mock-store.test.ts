import { AglError, type LightningStore } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { describe, expect, test } from 'vitest'
import { describeStoreContract } from '../conformance/index.ts'
import { createManualClock, createMockStore, createSeededIds } from './index.ts'

describeStoreContract({
  name: 'MockStore',
  create() {
    const clock = createManualClock()
    const store = createMockStore({ clock })
    return { store, advance: clock.advance, close: () => store.close() }
  },
})

/** An algorithm in small: asks for work, waits for it, and stores what it has learnt. */
async function learn(store: LightningStore): Promise<number> {
  const rollouts = await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }, { input: 'wrong' }] })
  const finished = await store.waitForRollouts({ rolloutIds: rollouts.map((rollout) => rollout.rollout_id) })
  let best = -1
  for (const { rollout_id: rolloutId } of finished) {
    best = Math.max(best, findFinalReward((await store.querySpans({ rolloutId })).items) ?? -1)
  }
  await store.addResources({ resources: {} })
  return best
}

describe('mock store', () => {
  test('lets an algorithm run to its end and says what was asked', async () => {
    const runTask = (input: unknown): number => {
      if (typeof input !== 'number') throw new Error('no number')
      return input / 2
    }
    const mock = createMockStore({ runTask })
    expect(mock.hasReceivedTasks()).toBe(false)
    expect(await learn(mock)).toBe(1)
    expect(mock.hasReceivedTasks()).toBe(true)
    expect(mock.calls('enqueueManyRollouts')).toEqual([{ rollouts: [{ input: 1 }, { input: 2 }, { input: 'wrong' }] }])
    expect(mock.calls('addResources')).toHaveLength(1)
    expect(mock.calls('updateWorker')).toEqual([])
    expect((await mock.queryRollouts({ statusIn: ['failed'] })).items).toMatchObject([{ input: 'wrong' }])
  })

  test('answers by script: values, functions, errors, once or always', async () => {
    const mock = createMockStore()
    const full = new AglError({ code: 'storage_full', message: 'full' })
    mock.answer('getRolloutById', null).answerOnce('enqueueRollout', full)
    mock.answer('getNextSpanSequenceId', ({ rolloutId }) => rolloutId.length)
    await expect(mock.enqueueRollout({ input: 1 })).rejects.toBe(full)
    expect(mock.hasReceivedTasks()).toBe(false)
    const { rollout_id: rolloutId } = await mock.enqueueRollout({ input: 1 })
    expect(await mock.getRolloutById({ rolloutId })).toBeNull()
    expect(await mock.getNextSpanSequenceId({ rolloutId: 'four', attemptId: 'any' })).toBe(4)
    expect(mock.calls('enqueueRollout')).toHaveLength(2)
    mock.reset()
    expect(mock.calls('enqueueRollout')).toEqual([])
    expect(mock.hasReceivedTasks()).toBe(false)
    expect(await mock.getRolloutById({ rolloutId })).toMatchObject({ input: 1 })
  })

  test('a scripted feed yields its list', async () => {
    const mock = createMockStore()
    const event = { type: 'rollout_deleted', rollout_id: 'a', cursor: 'c', time: 1 } as const
    mock.answer('watch', [event])
    const first = () => mock.watch()[Symbol.asyncIterator]().next()
    expect(await first()).toEqual({ done: false, value: event })
    mock.answer('watch', new Error('broken'))
    await expect(first()).rejects.toThrow('broken')
  })

  test('refuses what has no script when it is told to', async () => {
    const mock = createMockStore({ unscripted: 'refuse' })
    mock.answer('queryRollouts', { items: [], limit: -1, offset: 0, total: 0 })
    expect(await mock.queryRollouts()).toMatchObject({ total: 0 })
    await expect(mock.queryWorkers()).rejects.toThrow("add mock.answer('queryWorkers', …)")
    await mock.close()
  })

  test('ids are the same in each run', async () => {
    const ids = await Promise.all([1, 2].map(async () => (await createMockStore().enqueueRollout({ input: 1 })).rollout_id))
    expect(ids[0]).toBe(ids[1])
    expect(createSeededIds(7).attemptId()).toBe(createSeededIds(7).attemptId())
    expect(createSeededIds(7).attemptId()).not.toBe(createSeededIds(8).attemptId())
  })
})
