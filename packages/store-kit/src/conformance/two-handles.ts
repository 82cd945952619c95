import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf, spanOf, statusOf } from './fixtures.ts'
import type { Suite } from './harness.ts'
import { watcherOf } from './watcher.ts'

export function describeTwoHandles({ check, open }: Suite): void {
  check('HANDLES-01', 'what one handle writes the other reads', async () => {
    const { store, second } = await open()
    const other = await second()
    const claimed = await enqueueAndClaim(store, {}, { workerId: 'w' })
    const span = await store.addSpan(spanOf(claimed))
    const resources = await store.addResources({ resources: {} })
    const { rolloutId } = keyOf(claimed)
    expect(await other.getRolloutById({ rolloutId })).toEqual(await store.getRolloutById({ rolloutId }))
    expect((await other.querySpans({ rolloutId })).items).toEqual([span])
    expect(await other.getLatestResources()).toEqual(resources)
    expect(await other.getWorkerById({ workerId: 'w' })).toMatchObject({ status: 'busy' })
    await other.updateAttempt({ ...keyOf(claimed), status: 'succeeded' })
    expect(await statusOf(store, rolloutId)).toBe('succeeded')
    expect(await store.getNextSpanSequenceId(keyOf(claimed))).toBe(2)
    expect(await other.getNextSpanSequenceId(keyOf(claimed))).toBe(3)
  })

  check('HANDLES-02', 'who waits at one handle is woken by the other', async () => {
    const { store, second, stateOf } = await open()
    const other = await second()
    const work = other.dequeueRollout({ workerId: 'w', waitMs: 60_000 })
    expect(await stateOf(work)).toBe('pending')
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    const claimed = await work
    expect(claimed?.rollout_id).toBe(rolloutId)
    const end = store.waitForRollouts({ rolloutIds: [rolloutId] })
    expect(await stateOf(end)).toBe('pending')
    await other.updateAttempt({ ...keyOf(claimed!), status: 'succeeded' })
    expect(await end).toMatchObject([{ status: 'succeeded' }])
  })

  check('HANDLES-03', 'claims through both handles share what there is', async () => {
    const { store, second } = await open()
    const handles = [store, await second()]
    await store.enqueueManyRollouts({ rollouts: Array.from({ length: 60 }, (_, input) => ({ input })) })
    const claims = await Promise.all(
      Array.from({ length: 40 }, (_, index) => handles[index % 2]!.dequeueManyRollouts({ limit: 2 })),
    )
    const inputs = claims.flat().map((rollout) => rollout.input as number)
    expect(inputs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, index) => index))
  })

  check('HANDLES-04', 'limits that pass are seen by both, once', async () => {
    const { store, second, advance } = await open()
    const other = await second()
    const config = { timeout_seconds: 1, max_attempts: 2, retry_condition: ['timeout'] } as const
    const claimed = await enqueueAndClaim(store, { config })
    await advance(1100)
    expect(await statusOf(other, claimed.rollout_id)).toBe('requeuing')
    expect(await statusOf(store, claimed.rollout_id)).toBe('requeuing')
    expect((await claimNext(other)).attempt.sequence_id).toBe(2)
    expect(await store.dequeueRollout()).toBeNull()
  })

  check('HANDLES-05', 'a stale worker at one handle is fenced by a claim at the other', async () => {
    const { store, second, advance } = await open()
    const other = await second()
    const first = await enqueueAndClaim(store, {}, { workerId: 'w1', leaseMs: 10_000 })
    await advance(11_000)
    const next = await claimNext(other, { workerId: 'w2', leaseMs: 10_000 })
    expect(next.rollout_id).toBe(first.rollout_id)
    const { stopped } = await store.heartbeat({ workerId: 'w1', attempts: [keyOf(first)] })
    expect(stopped).toEqual([{ ...keyOf(first), reason: 'superseded' }])
    await store.updateAttempt({ ...keyOf(first), status: 'failed' })
    expect(await statusOf(other, first.rollout_id)).toBe('preparing')
    await other.cancelRollouts({ rolloutIds: [first.rollout_id] })
    const beat = await store.heartbeat({ workerId: 'w2', attempts: [keyOf(next)] })
    expect(beat.stopped).toEqual([{ ...keyOf(next), reason: 'cancelled' }])
  })

  check('HANDLES-06', 'a write that is sent again through the other handle is known', async () => {
    const { store, second } = await open()
    const other = await second()
    await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
    const first = await store.dequeueRollout({ idempotencyKey: 'k' })
    expect(await other.dequeueRollout({ idempotencyKey: 'k' })).toEqual(first)
    const enqueued = await store.enqueueRollout({ input: 3, idempotency_key: 'e' })
    expect(await other.enqueueRollout({ input: 3, idempotency_key: 'e' })).toEqual(enqueued)
    const added = await store.addResources({ resources: {}, idempotencyKey: 'r' })
    expect(await other.addResources({ resources: {}, idempotencyKey: 'r' })).toEqual(added)
  })

  check('HANDLES-07', 'a watcher at one handle hears of both, in one order', async () => {
    const { store, second, stateOf } = await open()
    const other = await second()
    const [here, there] = [watcherOf(store), watcherOf(other)]
    await stateOf(here.pending)
    await stateOf(there.pending)
    await store.enqueueRollout({ input: 1 })
    await other.enqueueRollout({ input: 2 })
    await store.enqueueRollout({ input: 3 })
    const events = await here.take(3)
    expect(events.map((event) => event.type === 'rollout' && event.rollout.input)).toEqual([1, 2, 3])
    expect(await there.take(3)).toEqual(events)
    const resumed = watcherOf(other, { after: events[0]!.cursor })
    expect(await resumed.take(2)).toEqual(events.slice(1))
  })

  check('HANDLES-08', 'a worker’s capacity holds across both', async () => {
    const { store, second } = await open()
    const other = await second()
    await store.enqueueManyRollouts({ rollouts: [1, 2, 3, 4, 5, 6].map((input) => ({ input })) })
    const request = { workerId: 'w', limit: 2, capacity: 3 }
    const claims = await Promise.all([store, other, store, other].map((handle) => handle.dequeueManyRollouts(request)))
    expect(claims.flat()).toHaveLength(3)
  })

  check('HANDLES-09', 'closing one leaves the other and what is stored', async ({ skip }) => {
    const { store, second } = await open()
    const other = await second()
    skip(other === store, 'a store within one process is its own second handle')
    const claimed = await enqueueAndClaim(other)
    await other.close()
    await expect(other.statistics()).rejects.toMatchObject({ code: 'closed' })
    expect(await statusOf(store, claimed.rollout_id)).toBe('preparing')
    await store.updateAttempt({ ...keyOf(claimed), status: 'succeeded' })
    const third = await second()
    expect(await statusOf(third, claimed.rollout_id)).toBe('succeeded')
  })
}
