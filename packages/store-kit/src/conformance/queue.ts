import { describe, expect, test } from 'vitest'
import { claimNext, enqueueAndClaim, type Harness, retryAlways, stateOf, statusOf } from './harness.ts'

export function describeQueue({ open }: Harness): void {
  describe('enqueue and dequeue', () => {
    test('a new rollout is queuing, with every field present', async () => {
      const { store } = await open()
      const rollout = await store.enqueueRollout({ input: { question: 'why' }, mode: 'train' })
      expect(rollout).toMatchObject({
        input: { question: 'why' },
        mode: 'train',
        status: 'queuing',
        end_time: null,
        resources_id: null,
        resources_version: null,
        metadata: {},
        priority: 0,
        idempotency_key: null,
        labels: {},
        config: { timeout_seconds: null, unresponsive_seconds: null, max_attempts: 1, retry_condition: [] },
      })
      expect(rollout.rollout_id).toMatch(/^ro-[0-9a-z]{16,}$/)
      expect(rollout).not.toHaveProperty('attempt')
      expect(await store.getRolloutById({ rolloutId: rollout.rollout_id })).toEqual(rollout)
    })

    test('a claim makes the first attempt', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store, {}, { workerId: 'w1' })
      expect(claimed.status).toBe('preparing')
      expect(claimed.attempt).toMatchObject({
        rollout_id: claimed.rollout_id,
        sequence_id: 1,
        status: 'preparing',
        worker_id: 'w1',
        outcome: null,
        lease_expires: null,
        last_heartbeat_time: null,
        metadata: null,
        end_time: null,
      })
      expect(claimed.attempt.attempt_id).toMatch(/^at-[0-9a-z]{16,}$/)
      expect(await store.dequeueRollout()).toBeNull()
      expect(await store.dequeueRollout({})).toBeNull()
    })

    test('higher priority first, first in first out within one', async () => {
      const { store } = await open()
      const requests = [0, 5, 0, 5, -1].map((priority, index) => ({ input: index, priority }))
      await store.enqueueManyRollouts({ rollouts: requests })
      const claimed = await store.dequeueManyRollouts({ limit: 10 })
      expect(claimed.map((rollout) => rollout.input)).toEqual([1, 3, 0, 2, 4])
    })

    test('many are claimed up to the limit, all for the worker; a limit of 0 leaves the queue', async () => {
      const { store } = await open()
      const enqueued = await store.enqueueManyRollouts({ rollouts: [0, 1, 2].map((input) => ({ input })) })
      expect(await store.dequeueManyRollouts({ limit: 0 })).toEqual([])
      const claimed = await store.dequeueManyRollouts({ limit: 2, workerId: 'w' })
      expect(claimed.map((rollout) => rollout.rollout_id)).toEqual(enqueued.slice(0, 2).map((rollout) => rollout.rollout_id))
      expect(claimed.map((rollout) => rollout.attempt.worker_id)).toEqual(['w', 'w'])
      expect(await store.dequeueManyRollouts({ limit: 2 })).toHaveLength(1)
    })

    test('startRollout never enters the queue', async () => {
      const { store } = await open()
      const started = await store.startRollout({ rollout: { input: 1 }, workerId: 'w' })
      expect(started).toMatchObject({ status: 'preparing', attempt: { sequence_id: 1, status: 'preparing', worker_id: 'w' } })
      expect(started.attempt.start_time).toBe(started.start_time)
      expect(await store.dequeueRollout()).toBeNull()
    })

    test('what left the queue in another way is not claimed', async () => {
      const { store } = await open()
      const [first, second, third] = await store.enqueueManyRollouts({ rollouts: [1, 2, 3].map((input) => ({ input })) })
      await store.updateRollout({ rolloutId: first!.rollout_id, status: 'cancelled' })
      await store.startAttempt({ rolloutId: second!.rollout_id })
      expect((await claimNext(store)).rollout_id).toBe(third!.rollout_id)
      expect(await store.dequeueRollout()).toBeNull()
    })

    test('a rollout put back goes to the tail; one that waits already keeps its place', async () => {
      const { store } = await open()
      const first = await enqueueAndClaim(store, { config: retryAlways })
      const second = await store.enqueueRollout({ input: 2 })
      const third = await store.enqueueRollout({ input: 3 })
      await store.updateAttempt({ rolloutId: first.rollout_id, attemptId: 'latest', status: 'failed' })
      await store.updateRollout({ rolloutId: second.rollout_id, status: 'requeuing' })
      const order = await store.dequeueManyRollouts({ limit: 5 })
      expect(order.map((rollout) => rollout.rollout_id)).toEqual([second.rollout_id, third.rollout_id, first.rollout_id])
    })

    test('a chosen id and an idempotency key make enqueue idempotent; keys live 10 minutes', async () => {
      const { store, advance } = await open()
      const byId = await store.enqueueRollout({ input: 1, rollout_id: 'ro-mine' })
      expect(byId.rollout_id).toBe('ro-mine')
      expect(await store.enqueueRollout({ input: 2, rollout_id: 'ro-mine' })).toEqual(byId)
      const byKey = await store.enqueueRollout({ input: 3, idempotency_key: 'k' })
      const [again, other] = await store.enqueueManyRollouts({
        rollouts: [
          { input: 3, idempotency_key: 'k' },
          { input: 3, idempotency_key: 'l' },
        ],
      })
      expect(again).toEqual(byKey)
      expect(other!.rollout_id).not.toBe(byKey.rollout_id)
      expect(await store.dequeueManyRollouts({ limit: 9 })).toHaveLength(3)
      await advance(601_000)
      const later = await store.enqueueRollout({ input: 3, idempotency_key: 'k' })
      expect(later.rollout_id).not.toBe(byKey.rollout_id)
    })

    test('a repeated startRollout answers the first one; of a queued rollout it is a conflict', async () => {
      const { store } = await open()
      const rollout = { input: 1, idempotency_key: 'k' }
      const first = await store.startRollout({ rollout })
      expect(await store.startRollout({ rollout })).toEqual(first)
      await store.enqueueRollout({ input: 1, rollout_id: 'ro-queued' })
      await expect(store.startRollout({ rollout: { input: 1, rollout_id: 'ro-queued' } })).rejects.toMatchObject({
        code: 'conflict',
      })
    })

    test('enqueueMany stores nothing when one request is invalid', async () => {
      const { store } = await open()
      const rollouts = [{ input: 1 }, { input: 2, config: { max_attempts: 0 } }]
      await expect(store.enqueueManyRollouts({ rollouts })).rejects.toMatchObject({ code: 'invalid_argument' })
      expect((await store.queryRollouts()).total).toBe(0)
      expect(await store.enqueueManyRollouts({ rollouts: [] })).toEqual([])
    })

    test('input must be JSON; undefined keys of the request count as absent', async () => {
      const { store } = await open()
      const invalid = { when: new Date() } as unknown as string
      await expect(store.enqueueRollout({ input: invalid })).rejects.toThrow('input.when is an instance of Date')
      const loose = { input: null, mode: undefined } as unknown as { input: null }
      expect(await store.enqueueRollout(loose)).toMatchObject({ input: null, mode: null })
    })

    test('callers cannot change what is stored through a record they were given', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store)
      expect(() => Object.assign(claimed, { status: 'failed' })).toThrow(TypeError)
      expect(() => Object.assign(claimed.attempt, { status: 'failed' })).toThrow(TypeError)
      expect(await statusOf(store, claimed.rollout_id)).toBe('preparing')
    })
  })

  describe('waiting for work', () => {
    test('a parked call gets work as it arrives', async () => {
      const { store } = await open()
      const waiting = store.dequeueRollout({ workerId: 'w', waitMs: 60_000 })
      expect(await stateOf(waiting)).toBe('pending')
      const rollout = await store.enqueueRollout({ input: 1 })
      expect(rollout.status).toBe('queuing')
      expect((await waiting)?.rollout_id).toBe(rollout.rollout_id)
    })

    test('a parked call ends empty-handed when its time is over', async () => {
      const { store, advance } = await open()
      const waiting = store.dequeueRollout({ waitMs: 1000 })
      await advance(999)
      expect(await stateOf(waiting)).toBe('pending')
      await advance(2)
      expect(await waiting).toBeNull()
      await store.enqueueRollout({ input: 1 })
      expect(await store.dequeueRollout()).not.toBeNull()
    })

    test('an aborted call rejects with the reason and takes no work', async () => {
      const { store } = await open()
      const controller = new AbortController()
      const waiting = store.dequeueRollout({ waitMs: 60_000, signal: controller.signal })
      controller.abort(new Error('enough'))
      await expect(waiting).rejects.toThrow('enough')
      await expect(store.dequeueRollout({ signal: controller.signal })).rejects.toThrow('enough')
      await store.enqueueRollout({ input: 1 })
      expect(await store.dequeueRollout()).not.toBeNull()
    })

    test('an abort after the claim was made does not lose it', async () => {
      const { store } = await open()
      const controller = new AbortController()
      const waiting = store.dequeueRollout({ waitMs: 60_000, signal: controller.signal })
      const enqueued = await store.enqueueRollout({ input: 1 })
      controller.abort()
      const outcome = await waiting.catch(() => null)
      const claimedAnew = await store.dequeueRollout()
      expect([outcome?.rollout_id, claimedAnew?.rollout_id].filter((id) => id !== undefined)).toEqual([enqueued.rollout_id])
    })

    test('waiting workers are served in turn', async () => {
      const { store } = await open()
      const served: string[] = []
      const waits = ['a', 'a', 'a', 'b', 'c'].map(async (workerId) => {
        await store.dequeueRollout({ workerId, waitMs: 60_000 })
        served.push(workerId)
      })
      for (let index = 0; index < 5; index++) {
        await store.enqueueRollout({ input: index })
        await stateOf(Promise.resolve())
      }
      await Promise.all(waits)
      expect(served).toEqual(['a', 'b', 'c', 'a', 'a'])
    })

    test('a parked call for many takes what there is, without waiting for the limit', async () => {
      const { store } = await open()
      const waiting = store.dequeueManyRollouts({ limit: 10, waitMs: 60_000 })
      await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
      expect(await waiting).toHaveLength(2)
    })

    test('a retry wakes a parked call', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store, { config: retryAlways })
      const waiting = store.dequeueRollout({ waitMs: 60_000 })
      await store.updateAttempt({ rolloutId: claimed.rollout_id, attemptId: 'latest', status: 'failed' })
      expect((await waiting)?.attempt.sequence_id).toBe(2)
    })
  })
}
