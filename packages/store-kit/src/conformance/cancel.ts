import { describe, expect, test } from 'vitest'
import { claimNext, enqueueAndClaim, type Harness, keyOf, retryAlways, spanOf, statusOf } from './harness.ts'

export function describeCancel({ open }: Harness): void {
  describe('cancel', () => {
    test('cancels what waits, takes it out of the queue, and leaves out what is finished or unknown', async () => {
      const { store } = await open()
      const done = await enqueueAndClaim(store)
      await store.updateAttempt({ ...keyOf(done), status: 'succeeded' })
      const queued = await store.enqueueRollout({ input: 1 })
      const ids = [done.rollout_id, queued.rollout_id, 'unknown', queued.rollout_id]
      const cancelled = await store.cancelRollouts({ rolloutIds: ids })
      expect(cancelled).toMatchObject([{ rollout_id: queued.rollout_id, status: 'cancelled', end_time: expect.any(Number) }])
      expect(await store.dequeueRollout()).toBeNull()
      expect(await store.cancelRollouts({ rolloutIds: ids })).toEqual([])
      expect(await statusOf(store, done.rollout_id)).toBe('succeeded')
    })

    test.each(['preparing', 'running', 'requeuing'] as const)('cancels what is %s and settles its attempt', async (status) => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store, { config: retryAlways }, { workerId: 'w', leaseMs: 60_000 })
      const report = ({ preparing: 'preparing', running: 'running', requeuing: 'unresponsive' } as const)[status]
      await store.updateAttempt({ ...keyOf(claimed), status: report })
      expect(await statusOf(store, claimed.rollout_id)).toBe(status)
      await store.cancelRollouts({ rolloutIds: [claimed.rollout_id] })
      expect(await store.getRolloutById({ rolloutId: claimed.rollout_id })).toMatchObject({
        status: 'cancelled',
        attempt: { status: 'failed', outcome: 'cancelled', lease_expires: null },
      })
      expect((await store.heartbeat({ workerId: 'w', attempts: [keyOf(claimed)] })).stopped).toEqual([
        { ...keyOf(claimed), reason: 'cancelled' },
      ])
      expect(await store.dequeueRollout()).toBeNull()
    })

    test('sticks, whatever the attempt reports afterwards', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store, { config: retryAlways })
      await store.updateRollout({ rolloutId: claimed.rollout_id, status: 'cancelled' })
      for (const status of ['running', 'succeeded', 'failed', 'timeout', 'unresponsive'] as const) {
        const attempt = await store.updateAttempt({ ...keyOf(claimed), status })
        expect(attempt).toMatchObject({ status: 'failed', outcome: 'cancelled' })
      }
      expect(await store.addSpan(spanOf(claimed))).not.toBeNull()
      expect(await store.releaseAttempt(keyOf(claimed))).toMatchObject({ status: 'cancelled' })
      expect(await statusOf(store, claimed.rollout_id)).toBe('cancelled')
      expect(await store.dequeueRollout()).toBeNull()
    })

    test('until somebody reopens the rollout; the old attempt stays cancelled', async () => {
      const { store } = await open()
      const first = await enqueueAndClaim(store)
      await store.cancelRollouts({ rolloutIds: [first.rollout_id] })
      await store.updateRollout({ rolloutId: first.rollout_id, status: 'queuing' })
      await store.updateAttempt({ ...keyOf(first), status: 'succeeded' })
      expect(await statusOf(store, first.rollout_id)).toBe('queuing')
      const second = await claimNext(store)
      await store.updateAttempt({ ...keyOf(second), status: 'succeeded' })
      expect(await statusOf(store, first.rollout_id)).toBe('succeeded')
    })
  })
}
