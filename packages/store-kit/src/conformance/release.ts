import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeRelease({ check, open }: Suite): void {
  check('RELEASE-01', 'gives the work back without counting as a try', async () => {
    const { store } = await open()
    const first = await enqueueAndClaim(store, {}, { workerId: 'w', leaseMs: 1000 })
    expect(await store.releaseAttempt(keyOf(first))).toMatchObject({ status: 'requeuing' })
    expect(await store.getLatestAttempt(rolloutOf(first))).toMatchObject({ status: 'failed', outcome: 'infra_error' })
    expect(await store.getWorkerById({ workerId: 'w' })).toMatchObject({ status: 'idle', current_attempt_id: null })
    const second = await claimNext(store)
    expect(second).toMatchObject({ rollout_id: first.rollout_id, attempt: { sequence_id: 2 } })
    // Releasing what is over, or was taken over, changes nothing.
    expect(await store.releaseAttempt(keyOf(first))).toMatchObject({ status: 'preparing' })
    await expect(store.releaseAttempt({ ...keyOf(first), attemptId: 'x' })).rejects.toMatchObject({ code: 'not_found' })
  })

  check('RELEASE-02', 'released work goes to who waits, and its retry policy is untouched', async () => {
    const { store, stateOf } = await open()
    const config = { max_attempts: 2, retry_condition: ['failed'] } as const
    const first = await enqueueAndClaim(store, { config })
    const waiting = store.dequeueRollout({ workerId: 'w2', waitMs: 60_000 })
    expect(await stateOf(waiting)).toBe('pending')
    await store.releaseAttempt(keyOf(first))
    const second = await waiting
    expect(second).toMatchObject({ rollout_id: first.rollout_id })
    expect(await store.updateAttempt({ ...keyOf(second!), status: 'failed' })).toMatchObject({ status: 'failed' })
    const third = await claimNext(store)
    await store.updateAttempt({ ...keyOf(third), status: 'failed' })
    expect(await store.getRolloutById({ rolloutId: first.rollout_id })).toMatchObject({ status: 'failed' })
  })
}

function rolloutOf(claimed: { readonly rollout_id: string }): { readonly rolloutId: string } {
  return { rolloutId: claimed.rollout_id }
}
