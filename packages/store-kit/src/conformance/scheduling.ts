import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf, retryAlways } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeScheduling({ check, open }: Suite): void {
  check('SCHEDULE-01', 'higher priority first, first in first out within one', async () => {
    const { store } = await open()
    const requests = [0, 5, 0, 5, -1].map((priority, index) => ({ input: index, priority }))
    await store.enqueueManyRollouts({ rollouts: requests })
    const claimed = await store.dequeueManyRollouts({ limit: 10 })
    expect(claimed.map((rollout) => rollout.input)).toEqual([1, 3, 0, 2, 4])
    expect(claimed.map((rollout) => rollout.priority)).toEqual([5, 5, 0, 0, -1])
    expect(await store.getRolloutById({ rolloutId: claimed[4]!.rollout_id })).toMatchObject({ priority: -1 })
  })

  check('SCHEDULE-02', 'a retry keeps its priority and goes behind what waits there', async () => {
    const { store } = await open()
    const first = await enqueueAndClaim(store, { input: 'first', priority: 1, config: retryAlways })
    await store.enqueueManyRollouts({
      rollouts: [
        { input: 'plain', priority: 0 },
        { input: 'second', priority: 1 },
      ],
    })
    await store.updateAttempt({ ...keyOf(first), status: 'failed' })
    const claimed = await store.dequeueManyRollouts({ limit: 5 })
    expect(claimed.map((rollout) => rollout.input)).toEqual(['second', 'first', 'plain'])
  })

  check('SCHEDULE-03', 'waiting workers are served in turn', async () => {
    const { store, stateOf } = await open()
    const served: string[] = []
    const waits = ['a', 'a', 'a', 'b', 'c'].map(async (workerId) => {
      await store.dequeueRollout({ workerId, waitMs: 60_000 })
      served.push(workerId)
    })
    await stateOf(Promise.all(waits))
    for (let index = 0; index < 5; index++) {
      await store.enqueueRollout({ input: index })
      // One at a time: who is served is known when the answer has come.
      while (served.length <= index) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(served).toEqual(['a', 'b', 'c', 'a', 'a'])
  })

  check('SCHEDULE-04', 'a worker gets no more than its free slots', async () => {
    const { store } = await open()
    await store.enqueueManyRollouts({ rollouts: [1, 2, 3, 4, 5].map((input) => ({ input })) })
    const claimed = await store.dequeueManyRollouts({ workerId: 'w', limit: 10, capacity: 2 })
    expect(claimed).toHaveLength(2)
    expect(await store.dequeueRollout({ workerId: 'w' })).toBeNull()
    expect(await store.getWorkerById({ workerId: 'w' })).toMatchObject({ capacity: 2, status: 'busy' })
    await store.updateAttempt({ ...keyOf(claimed[0]!), status: 'succeeded' })
    expect(await store.dequeueManyRollouts({ workerId: 'w', limit: 10 })).toHaveLength(1)
    expect(await store.dequeueManyRollouts({ workerId: 'other', limit: 10 })).toHaveLength(2)
  })

  check('SCHEDULE-05', 'a capacity is kept until the worker reports another one, by claim or heartbeat', async () => {
    const { store } = await open()
    await store.enqueueManyRollouts({ rollouts: [1, 2, 3, 4].map((input) => ({ input })) })
    expect(await store.dequeueManyRollouts({ workerId: 'w', limit: 9, capacity: 1 })).toHaveLength(1)
    expect((await store.heartbeat({ workerId: 'w', capacity: 2 })).worker).toMatchObject({ capacity: 2 })
    expect((await store.heartbeat({ workerId: 'w' })).worker).toMatchObject({ capacity: 2 })
    expect(await store.dequeueManyRollouts({ workerId: 'w', limit: 9 })).toHaveLength(1)
    expect(await store.dequeueManyRollouts({ workerId: 'w', limit: 9, capacity: 4 })).toHaveLength(2)
  })

  check('SCHEDULE-06', 'a parked call of a full worker is served when a slot becomes free', async () => {
    const { store, stateOf } = await open()
    const first = await enqueueAndClaim(store, {}, { workerId: 'w' })
    const waiting = store.dequeueRollout({ workerId: 'w', capacity: 1, waitMs: 60_000 })
    const next = await store.enqueueRollout({ input: 'next' })
    expect(await stateOf(waiting)).toBe('pending')
    await store.updateAttempt({ ...keyOf(first), status: 'succeeded' })
    expect(await waiting).toMatchObject({ rollout_id: next.rollout_id })
  })

  check('SCHEDULE-07', 'a full worker that waits holds up nobody', async () => {
    const { store, stateOf } = await open()
    await enqueueAndClaim(store, {}, { workerId: 'full' })
    const full = store.dequeueRollout({ workerId: 'full', capacity: 1, waitMs: 60_000 })
    const free = store.dequeueRollout({ workerId: 'free', waitMs: 60_000 })
    expect(await stateOf(free)).toBe('pending')
    await store.enqueueRollout({ input: 'next' })
    expect(await free).toMatchObject({ input: 'next', attempt: { worker_id: 'free' } })
    expect(await stateOf(full)).toBe('pending')
  })

  check('SCHEDULE-08', 'of the workers that wait and say their capacity the least loaded goes first', async () => {
    const { store, stateOf } = await open()
    await store.enqueueManyRollouts({ rollouts: [1, 2, 3].map((input) => ({ input })) })
    await store.dequeueManyRollouts({ workerId: 'loaded', limit: 2, capacity: 4 })
    await store.dequeueManyRollouts({ workerId: 'light', limit: 1, capacity: 4 })
    const waits = ['loaded', 'light'].map((workerId) => store.dequeueRollout({ workerId, waitMs: 60_000 }))
    expect(await stateOf(waits[0]!)).toBe('pending')
    await store.enqueueRollout({ input: 'next' })
    expect(await waits[1]).toMatchObject({ input: 'next' })
    expect(await stateOf(waits[0]!)).toBe('pending')
  })

  check('SCHEDULE-08', 'by the share of its slots that is taken, not by their number', async () => {
    const { store, stateOf } = await open()
    await store.enqueueManyRollouts({ rollouts: [1, 2, 3].map((input) => ({ input })) })
    await store.dequeueManyRollouts({ workerId: 'small', limit: 1, capacity: 2 })
    await store.dequeueManyRollouts({ workerId: 'large', limit: 2, capacity: 8 })
    const [small, large] = ['small', 'large'].map((workerId) => store.dequeueRollout({ workerId, waitMs: 60_000 }))
    expect(await stateOf(small!)).toBe('pending')
    await store.enqueueRollout({ input: 'next' })
    expect(await large).toMatchObject({ input: 'next' })
    expect(await stateOf(small!)).toBe('pending')
  })

  check('SCHEDULE-09', 'an attempt that was lost, cancelled or handed over frees its slot', async () => {
    const { store } = await open()
    const workerId = 'w'
    const claim = async (): Promise<boolean> => (await store.dequeueRollout({ workerId, capacity: 1 })) !== null
    await store.enqueueManyRollouts({ rollouts: [1, 2, 3, 4].map((input) => ({ input })) })
    const first = await store.dequeueRollout({ workerId, capacity: 1 })
    expect(await claim()).toBe(false)
    await store.updateAttempt({ ...keyOf(first!), status: 'unresponsive' })
    const second = await claimNext(store, { workerId })
    await store.cancelRollouts({ rolloutIds: [second.rollout_id] })
    const third = await claimNext(store, { workerId })
    await store.updateAttempt({ ...keyOf(third), workerId: 'other' })
    expect(await claim()).toBe(true)
    expect(await claim()).toBe(false)
  })
}
