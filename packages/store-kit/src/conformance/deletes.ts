import { expect } from 'vitest'
import { enqueueAndClaim, keyOf, spanOf, statusOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeDeletes({ check, open }: Suite): void {
  check('DELETE-01', 'a finished rollout goes with its attempts and spans', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const { rolloutId, attemptId } = keyOf(claimed)
    await store.addSpan(spanOf(claimed))
    await store.updateAttempt({ rolloutId, attemptId, status: 'succeeded' })
    expect(await store.deleteRollouts({ rolloutIds: [rolloutId] })).toEqual([rolloutId])
    expect(await store.getRolloutById({ rolloutId })).toBeNull()
    expect(await store.getLatestAttempt({ rolloutId })).toBeNull()
    expect((await store.queryRollouts()).total).toBe(0)
    expect((await store.queryAttempts({ rolloutId })).total).toBe(0)
    expect((await store.querySpans({ rolloutId })).total).toBe(0)
    expect(await store.statistics()).toMatchObject({ total_rollouts: 0, total_attempts: 0, total_spans: 0 })
  })

  check('DELETE-02', 'what is not finished stays; unknown ids are left out and repeated ones counted once', async () => {
    const { store } = await open()
    const running = await enqueueAndClaim(store)
    const queued = await store.enqueueRollout({ input: 1 })
    const done = await store.enqueueRollout({ input: 2 })
    await store.updateRollout({ rolloutId: done.rollout_id, status: 'cancelled' })
    const rolloutIds = [running.rollout_id, 'unknown', done.rollout_id, queued.rollout_id, done.rollout_id]
    expect(await store.deleteRollouts({ rolloutIds })).toEqual([done.rollout_id])
    expect(await store.deleteRollouts({ rolloutIds })).toEqual([])
    expect(await statusOf(store, running.rollout_id)).toBe('preparing')
    expect((await store.dequeueRollout())?.rollout_id).toBe(queued.rollout_id)
  })

  check('DELETE-03', 'afterwards it is unknown to writes, heartbeats and waits', async () => {
    const { store, stateOf } = await open()
    const claimed = await enqueueAndClaim(store, {}, { workerId: 'w' })
    const { rolloutId, attemptId } = keyOf(claimed)
    const other = await store.enqueueRollout({ input: 'other' })
    const waiting = store.waitForRollouts({ rolloutIds: [rolloutId, other.rollout_id] })
    await store.updateAttempt({ rolloutId, attemptId, status: 'failed' })
    await store.deleteRollouts({ rolloutIds: [rolloutId] })
    const missing = { code: 'not_found' }
    await expect(store.updateRollout({ rolloutId, status: 'queuing' })).rejects.toMatchObject(missing)
    await expect(store.updateAttempt({ rolloutId, attemptId, status: 'running' })).rejects.toMatchObject(missing)
    await expect(store.startAttempt({ rolloutId })).rejects.toMatchObject(missing)
    await expect(store.addSpan(spanOf(claimed))).rejects.toMatchObject(missing)
    await expect(store.getNextSpanSequenceId({ rolloutId, attemptId })).rejects.toMatchObject(missing)
    const { stopped } = await store.heartbeat({ workerId: 'w', attempts: [{ rolloutId, attemptId }] })
    expect(stopped).toEqual([{ rolloutId, attemptId, reason: 'not_found' }])
    expect(await store.waitForRollouts({ rolloutIds: [rolloutId] })).toEqual([])
    expect(await stateOf(waiting)).toBe('pending')
    await store.updateRollout({ rolloutId: other.rollout_id, status: 'succeeded' })
    expect(await waiting).toMatchObject([{ rollout_id: other.rollout_id }])
  })

  check('DELETE-04', 'its id may be chosen again, for a rollout that knows nothing of the old one', async () => {
    const { store } = await open()
    const first = await enqueueAndClaim(store, { rollout_id: 'mine' })
    await store.addSpan(spanOf(first, { span_id: 'same' }))
    await store.updateAttempt({ ...keyOf(first), status: 'failed' })
    await store.deleteRollouts({ rolloutIds: ['mine'] })
    const second = await enqueueAndClaim(store, { rollout_id: 'mine', input: 'new' })
    expect(second).toMatchObject({ input: 'new', attempt: { sequence_id: 1 } })
    expect(await store.addSpan(spanOf(second, { span_id: 'same' }))).toMatchObject({ sequence_id: 1 })
  })

  check('DELETE-05', 'one version of resources, or all of an id; numbers are not given again', async () => {
    const { store } = await open()
    const resourcesId = 'mine'
    for (let version = 1; version <= 3; version++) await store.updateResources({ resourcesId, resources: {} })
    expect(await store.deleteResources({ resourcesId, version: 1 })).toEqual([1])
    expect(await store.deleteResources({ resourcesId, version: 1 })).toEqual([])
    expect(await store.deleteResources({ resourcesId, version: 3 })).toEqual([3])
    expect(await store.getResourcesById({ resourcesId, version: 3 })).toBeNull()
    expect(await store.getResourcesById({ resourcesId })).toMatchObject({ version: 2 })
    // Somebody may still hold version 3 as it was.
    expect(await store.updateResources({ resourcesId, resources: {} })).toMatchObject({ version: 4 })
    expect(await store.deleteResources({ resourcesId })).toEqual([2, 4])
    expect(await store.getResourcesById({ resourcesId })).toBeNull()
    expect((await store.queryResources()).total).toBe(0)
    expect(await store.deleteResources({ resourcesId: 'unknown' })).toEqual([])
  })

  check('DELETE-06', 'resources that an open rollout is pinned to stay, and nothing of the call is done', async () => {
    const { store } = await open()
    const resourcesId = 'mine'
    await store.updateResources({ resourcesId, resources: {} })
    const pinned = await store.enqueueRollout({ input: 1 })
    await store.updateResources({ resourcesId, resources: {} })
    await expect(store.deleteResources({ resourcesId, version: 1 })).rejects.toMatchObject({ code: 'conflict' })
    await expect(store.deleteResources({ resourcesId })).rejects.toMatchObject({ code: 'conflict' })
    expect((await store.queryResourcesVersions({ resourcesId })).total).toBe(2)
    expect(await store.deleteResources({ resourcesId, version: 2 })).toEqual([2])
    await store.updateRollout({ rolloutId: pinned.rollout_id, status: 'cancelled' })
    expect(await store.deleteResources({ resourcesId })).toEqual([1])
  })

  check('DELETE-07', 'without the newest resources the newest of the rest are the latest', async () => {
    const { store } = await open()
    const first = await store.addResources({ resources: {} })
    const second = await store.addResources({ resources: {} })
    await store.deleteResources({ resourcesId: second.resources_id })
    expect(await store.getLatestResources()).toEqual(first)
    expect(await store.enqueueRollout({ input: 1 })).toMatchObject({ resources_id: first.resources_id })
    await store.updateRollout({ rolloutId: (await store.queryRollouts()).items[0]!.rollout_id, status: 'cancelled' })
    await store.deleteResources({ resourcesId: first.resources_id })
    expect(await store.getLatestResources()).toBeNull()
  })
}
