import type { Rollout, RolloutUpdate } from '@agl/types'
import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf, statusOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeRollouts({ check, open }: Suite): void {
  check('ROLLOUT-01', 'absent leaves alone, null sets null', async () => {
    const { store } = await open()
    const { resources_id: resourcesId } = await store.addResources({ resources: {} })
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1, mode: 'val', metadata: { a: 1 } })
    const answersAndKeeps = async (change: Omit<RolloutUpdate, 'rolloutId'>, expected: Partial<Rollout>): Promise<void> => {
      expect(await store.updateRollout({ rolloutId, ...change })).toMatchObject(expected)
      expect(await store.getRolloutById({ rolloutId })).toMatchObject(expected)
    }
    const given = { input: 1, mode: 'val', metadata: { a: 1 }, resources_id: resourcesId, resources_version: 1 } as const
    await answersAndKeeps({}, given)
    const changed = { input: { b: [2, null] }, mode: 'train' } as const
    await answersAndKeeps(changed, { ...given, ...changed })
    const nulls = { input: null, mode: null, metadata: null }
    await answersAndKeeps({ ...nulls, resourcesId: null }, { ...nulls, resources_id: null, resources_version: null })
    const invalid = { rolloutId, status: null } as unknown as { rolloutId: string }
    await expect(store.updateRollout(invalid)).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  check('ROLLOUT-02', 'a finished rollout is reopened and waits for its next attempt', async () => {
    const { store } = await open()
    const first = await enqueueAndClaim(store)
    const ended = await store.updateAttempt({ ...keyOf(first), status: 'succeeded' })
    const reopened = await store.updateRollout({ rolloutId: first.rollout_id, status: 'queuing' })
    expect(reopened).toMatchObject({ status: 'queuing', end_time: null })
    expect(reopened).not.toHaveProperty('attempt')
    // How the old attempt ended is no longer open.
    for (const status of ['succeeded', 'failed', 'running'] as const) {
      expect(await store.updateAttempt({ ...keyOf(first), status })).toEqual(ended)
      expect(await statusOf(store, first.rollout_id)).toBe('queuing')
    }
    expect((await claimNext(store)).attempt.sequence_id).toBe(2)
  })

  check('ROLLOUT-03', 'the same ending status keeps its end_time; another one sets it', async () => {
    const { store } = await open()
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    const first = await store.updateRollout({ rolloutId, status: 'failed' })
    expect((await store.updateRollout({ rolloutId, status: 'failed' })).end_time).toBe(first.end_time)
    expect((await store.updateRollout({ rolloutId, status: 'succeeded' })).end_time).toBeGreaterThan(first.end_time!)
  })

  check('ROLLOUT-04', 'a rollout may be running without an attempt', async () => {
    const { store } = await open()
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    expect(await store.updateRollout({ rolloutId, status: 'running' })).toMatchObject({ status: 'running' })
    expect(await store.dequeueRollout()).toBeNull()
  })
}
