import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, retryAlways } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeQueue({ check, open }: Suite): void {
  check('QUEUE-01', 'a new rollout is queuing, with every field present', async () => {
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
      config: { timeout_seconds: null, unresponsive_seconds: null, max_attempts: 1, retry_condition: [], retry_outcomes: [] },
    })
    expect(rollout.rollout_id).toMatch(/^ro-[0-9a-z]{16,}$/)
    expect(rollout).not.toHaveProperty('attempt')
    expect(await store.getRolloutById({ rolloutId: rollout.rollout_id })).toEqual(rollout)
  })

  check('QUEUE-02', 'a claim makes the first attempt', async () => {
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

  check('QUEUE-03', 'many are claimed up to the limit, all for the worker; a limit of 0 leaves the queue', async () => {
    const { store } = await open()
    const enqueued = await store.enqueueManyRollouts({ rollouts: [0, 1, 2].map((input) => ({ input })) })
    expect(await store.dequeueManyRollouts({ limit: 0 })).toEqual([])
    expect(await store.dequeueManyRollouts({ limit: -1 })).toEqual([])
    const claimed = await store.dequeueManyRollouts({ limit: 2, workerId: 'w' })
    expect(claimed.map((rollout) => rollout.rollout_id)).toEqual(enqueued.slice(0, 2).map((rollout) => rollout.rollout_id))
    expect(claimed.map((rollout) => rollout.attempt.worker_id)).toEqual(['w', 'w'])
    expect(await store.dequeueManyRollouts({ limit: 2 })).toHaveLength(1)
  })

  check('QUEUE-04', 'startRollout never enters the queue', async () => {
    const { store } = await open()
    const started = await store.startRollout({ rollout: { input: 1 }, workerId: 'w' })
    expect(started).toMatchObject({ status: 'preparing', attempt: { sequence_id: 1, status: 'preparing', worker_id: 'w' } })
    expect(started.attempt.start_time).toBe(started.start_time)
    expect(await store.dequeueRollout()).toBeNull()
  })

  check('QUEUE-05', 'what left the queue in another way is not claimed', async () => {
    const { store } = await open()
    const [first, second, third] = await store.enqueueManyRollouts({ rollouts: [1, 2, 3].map((input) => ({ input })) })
    await store.updateRollout({ rolloutId: first!.rollout_id, status: 'cancelled' })
    await store.startAttempt({ rolloutId: second!.rollout_id })
    expect((await claimNext(store)).rollout_id).toBe(third!.rollout_id)
    expect(await store.dequeueRollout()).toBeNull()
  })

  check('QUEUE-06', 'a rollout put back goes to the tail; one that waits already keeps its place', async () => {
    const { store } = await open()
    const first = await enqueueAndClaim(store, { config: retryAlways })
    const second = await store.enqueueRollout({ input: 2 })
    const third = await store.enqueueRollout({ input: 3 })
    await store.updateAttempt({ rolloutId: first.rollout_id, attemptId: 'latest', status: 'failed' })
    await store.updateRollout({ rolloutId: second.rollout_id, status: 'requeuing' })
    const order = await store.dequeueManyRollouts({ limit: 5 })
    expect(order.map((rollout) => rollout.rollout_id)).toEqual([second.rollout_id, third.rollout_id, first.rollout_id])
  })

  check('QUEUE-07', 'a chosen id and an idempotency key make enqueue idempotent; keys live 10 minutes', async () => {
    const { store, advance } = await open()
    const byId = await store.enqueueRollout({ input: 1, rollout_id: 'ro-mine' })
    expect(byId.rollout_id).toBe('ro-mine')
    expect(await store.enqueueRollout({ input: 2, rollout_id: 'ro-mine' })).toEqual(byId)
    const byKey = await store.enqueueRollout({ input: 3, idempotency_key: 'k' })
    expect(byKey.idempotency_key).toBe('k')
    expect(await store.getRolloutById({ rolloutId: byKey.rollout_id })).toEqual(byKey)
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

  check('QUEUE-07', 'the chosen id of a finished rollout answers it as it ended, and reopens nothing', async () => {
    const { store } = await open()
    await store.enqueueRollout({ input: 1, rollout_id: 'ro-mine' })
    const ended = await store.updateRollout({ rolloutId: 'ro-mine', status: 'succeeded' })
    expect(await store.enqueueRollout({ input: 2, rollout_id: 'ro-mine' })).toEqual(ended)
    expect(await store.enqueueManyRollouts({ rollouts: [{ input: 2, rollout_id: 'ro-mine' }] })).toEqual([ended])
    expect(await store.getRolloutById({ rolloutId: 'ro-mine' })).toEqual(ended)
    expect(await store.dequeueRollout()).toBeNull()
  })

  check('QUEUE-08', 'a repeated startRollout answers the first one; of a queued rollout it is a conflict', async () => {
    const { store } = await open()
    const rollout = { input: 1, idempotency_key: 'k' }
    const first = await store.startRollout({ rollout })
    expect(await store.startRollout({ rollout })).toEqual(first)
    await store.enqueueRollout({ input: 1, rollout_id: 'ro-queued' })
    await expect(store.startRollout({ rollout: { input: 1, rollout_id: 'ro-queued' } })).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  check('QUEUE-09', 'enqueueMany stores nothing when one request is invalid', async () => {
    const { store } = await open()
    const rollouts = [{ input: 1 }, { input: 2, config: { max_attempts: 0 } }]
    await expect(store.enqueueManyRollouts({ rollouts })).rejects.toMatchObject({ code: 'invalid_argument' })
    expect((await store.queryRollouts()).total).toBe(0)
    expect(await store.enqueueManyRollouts({ rollouts: [] })).toEqual([])
  })

  check('QUEUE-10', 'input must be JSON; undefined keys of the request count as absent', async () => {
    const { store } = await open()
    const invalid = { when: new Date() } as unknown as string
    await expect(store.enqueueRollout({ input: invalid })).rejects.toThrow('input.when is an instance of Date')
    const loose = { input: null, mode: undefined } as unknown as { input: null }
    expect(await store.enqueueRollout(loose)).toMatchObject({ input: null, mode: null })
  })

  check('QUEUE-11', 'callers cannot change what is stored through a record they were given', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const rolloutId = claimed.rollout_id
    const latest = await store.getLatestAttempt({ rolloutId })
    for (const record of [claimed, claimed.attempt, latest!]) {
      try {
        Object.assign(record, { status: 'failed' })
      } catch {
        // A store may freeze what it answers.
      }
    }
    expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status: 'preparing', attempt: { status: 'preparing' } })
    expect(await store.getLatestAttempt({ rolloutId })).toMatchObject({ status: 'preparing' })
  })

  check('QUEUE-12', 'the defaults of a new rollout, whichever verb makes it', async () => {
    const { store } = await open()
    const request = { input: 1, metadata: null, config: null, labels: null, mode: null }
    const plain = { metadata: {}, labels: {}, mode: null, config: { max_attempts: 1, retry_condition: [] }, resources_id: null }
    expect(await store.enqueueRollout(request)).toMatchObject(plain)
    expect(await store.startRollout({ rollout: request })).toMatchObject(plain)
    expect(await store.enqueueManyRollouts({ rollouts: [request] })).toMatchObject([plain])
    const { resources_id: resourcesId } = await store.addResources({ resources: {} })
    const pinned = { resources_id: resourcesId, resources_version: 1 }
    expect(await store.enqueueRollout(request)).toMatchObject(pinned)
    expect(await store.startRollout({ rollout: request })).toMatchObject(pinned)
    expect(await store.enqueueManyRollouts({ rollouts: [request, request] })).toMatchObject([pinned, pinned])
    const config = { timeout_seconds: 1, unresponsive_seconds: 2, max_attempts: 3, retry_condition: ['failed'] } as const
    expect(await store.startRollout({ rollout: { input: 1, config, labels: { a: 'b' } } })).toMatchObject({
      config,
      labels: { a: 'b' },
    })
  })

  check('QUEUE-13', 'work that is put back by hand is claimed as the next attempt', async () => {
    const { store } = await open()
    const first = await enqueueAndClaim(store)
    await store.updateRollout({ rolloutId: first.rollout_id, status: 'requeuing' })
    await store.updateRollout({ rolloutId: first.rollout_id, status: 'queuing' })
    expect(await claimNext(store)).toMatchObject({ rollout_id: first.rollout_id, attempt: { sequence_id: 2 } })
    expect(await store.dequeueRollout()).toBeNull()
  })

  check('QUEUE-14', 'ids are never given twice', async () => {
    const { store } = await open()
    const rollouts = await store.enqueueManyRollouts({ rollouts: Array.from({ length: 300 }, (_, input) => ({ input })) })
    const claims = await store.dequeueManyRollouts({ limit: 300 })
    expect(new Set(rollouts.map((rollout) => rollout.rollout_id)).size).toBe(300)
    expect(new Set(claims.map((claim) => claim.attempt.attempt_id)).size).toBe(300)
  })
}
