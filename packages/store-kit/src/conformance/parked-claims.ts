import { expect } from 'vitest'
import { enqueueAndClaim, retryAlways } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeParkedClaims({ check, open }: Suite): void {
  check('PARK-01', 'a parked call gets work as it arrives', async () => {
    const { store, stateOf } = await open()
    const waiting = store.dequeueRollout({ workerId: 'w', waitMs: 60_000 })
    expect(await stateOf(waiting)).toBe('pending')
    const rollout = await store.enqueueRollout({ input: 1 })
    expect(rollout.status).toBe('queuing')
    expect((await waiting)?.rollout_id).toBe(rollout.rollout_id)
  })

  check('PARK-02', 'a parked call ends empty-handed when its time is over', async () => {
    const { store, advance, stateOf } = await open()
    const waiting = store.dequeueRollout({ waitMs: 1000 })
    await advance(999)
    expect(await stateOf(waiting)).toBe('pending')
    await advance(2)
    expect(await waiting).toBeNull()
    await store.enqueueRollout({ input: 1 })
    expect(await store.dequeueRollout()).not.toBeNull()
  })

  check('PARK-03', 'an aborted call rejects with the reason and takes no work', async () => {
    const { store } = await open()
    const controller = new AbortController()
    const waiting = store.dequeueRollout({ waitMs: 60_000, signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(store.dequeueRollout({ signal: controller.signal })).rejects.toThrow('enough')
    await store.enqueueRollout({ input: 1 })
    expect(await store.dequeueRollout()).not.toBeNull()
  })

  check('PARK-04', 'an abort after the claim was made does not lose it', async () => {
    const { store } = await open()
    const controller = new AbortController()
    const waiting = store.dequeueRollout({ waitMs: 60_000, signal: controller.signal })
    const enqueued = await store.enqueueRollout({ input: 1 })
    controller.abort()
    const outcome = await waiting.catch(() => null)
    const claimedAnew = await store.dequeueRollout()
    expect([outcome?.rollout_id, claimedAnew?.rollout_id].filter((id) => id !== undefined)).toEqual([enqueued.rollout_id])
  })

  check('PARK-05', 'a parked call for many takes what there is, without waiting for the limit', async () => {
    const { store } = await open()
    const waiting = store.dequeueManyRollouts({ limit: 10, waitMs: 60_000 })
    await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
    expect(await waiting).toHaveLength(2)
  })

  check('PARK-06', 'a retry wakes a parked call', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store, { config: retryAlways })
    const waiting = store.dequeueRollout({ waitMs: 60_000 })
    await store.updateAttempt({ rolloutId: claimed.rollout_id, attemptId: 'latest', status: 'failed' })
    expect((await waiting)?.attempt.sequence_id).toBe(2)
  })

  check('PARK-07', 'a worker that waits is idle, and a limit of 0 does not wait', async () => {
    const { store, stateOf } = await open()
    const waiting = store.dequeueRollout({ workerId: 'w', waitMs: 60_000 })
    expect(await stateOf(waiting)).toBe('pending')
    expect(await store.getWorkerById({ workerId: 'w' })).toMatchObject({ status: 'idle', last_dequeue_time: expect.any(Number) })
    await store.enqueueRollout({ input: 1 })
    await waiting
    expect(await store.getWorkerById({ workerId: 'w' })).toMatchObject({ status: 'busy' })
    await store.enqueueRollout({ input: 2 })
    for (const limit of [0, -1]) {
      const workerId = `w${limit}`
      expect(await store.dequeueManyRollouts({ limit, workerId, waitMs: 60_000 })).toEqual([])
      const idle = { status: 'idle', last_dequeue_time: expect.any(Number), last_idle_time: expect.any(Number) }
      expect(await store.getWorkerById({ workerId })).toMatchObject(idle)
    }
    expect(await store.dequeueRollout()).toMatchObject({ input: 2 })
  })

  check('PARK-08', 'what several calls wait for each gets once', async () => {
    const { store, stateOf } = await open()
    const waits = Array.from({ length: 10 }, (_, index) => store.dequeueRollout({ workerId: `w${index}`, waitMs: 60_000 }))
    await stateOf(waits[9]!)
    await store.enqueueManyRollouts({ rollouts: Array.from({ length: 10 }, (_, input) => ({ input })) })
    const inputs = (await Promise.all(waits)).map((rollout) => rollout?.input as number)
    expect(inputs.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  check(
    'PARK-09',
    'what was cancelled goes to nobody who waits, before or after it was claimed, until it is reopened',
    async () => {
      const { store, stateOf } = await open()
      const running = await enqueueAndClaim(store, { config: retryAlways })
      const queued = await store.enqueueRollout({ input: 1 })
      await store.cancelRollouts({ rolloutIds: [queued.rollout_id] })
      const waiting = store.dequeueRollout({ waitMs: 60_000 })
      expect(await stateOf(waiting)).toBe('pending')
      // Its attempt ends as failed, which its policy would retry.
      await store.cancelRollouts({ rolloutIds: [running.rollout_id] })
      expect(await stateOf(waiting)).toBe('pending')
      await store.updateRollout({ rolloutId: queued.rollout_id, status: 'queuing' })
      expect(await waiting).toMatchObject({ rollout_id: queued.rollout_id })
    },
  )
}
