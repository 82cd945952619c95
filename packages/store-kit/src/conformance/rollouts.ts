import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeRollouts({ check, open }: Suite): void {
  check('ROLLOUT-01', 'absent leaves alone, null sets null', async () => {
    const { store } = await open()
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1, mode: 'val', metadata: { a: 1 } })
    expect(await store.updateRollout({ rolloutId })).toMatchObject({ input: 1, mode: 'val', metadata: { a: 1 } })
    const nulls = { input: null, mode: null, metadata: null, resourcesId: null }
    expect(await store.updateRollout({ rolloutId, ...nulls })).toMatchObject({ input: null, mode: null, metadata: null })
    const invalid = { rolloutId, status: null } as unknown as { rolloutId: string }
    await expect(store.updateRollout(invalid)).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  check('ROLLOUT-02', 'a finished rollout is reopened and waits for its next attempt', async () => {
    const { store } = await open()
    const first = await enqueueAndClaim(store)
    await store.updateAttempt({ ...keyOf(first), status: 'succeeded' })
    const reopened = await store.updateRollout({ rolloutId: first.rollout_id, status: 'queuing' })
    expect(reopened).toMatchObject({ status: 'queuing', end_time: null })
    expect(reopened).not.toHaveProperty('attempt')
    await store.updateAttempt({ ...keyOf(first), status: 'succeeded' })
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
