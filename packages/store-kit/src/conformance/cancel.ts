import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf, retryAlways, spanOf, statusOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeCancel({ check, open }: Suite): void {
  check('CANCEL-01', 'cancels what waits, takes it out of the queue, and leaves out what is finished or unknown', async () => {
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

  for (const status of ['preparing', 'running', 'requeuing'] as const) {
    check('CANCEL-02', `cancels what is ${status} and settles its attempt`, async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store, { config: retryAlways }, { workerId: 'w' })
      const report = ({ preparing: 'preparing', running: 'running', requeuing: 'unresponsive' } as const)[status]
      await store.updateAttempt({ ...keyOf(claimed), status: report })
      expect(await statusOf(store, claimed.rollout_id)).toBe(status)
      await store.cancelRollouts({ rolloutIds: [claimed.rollout_id] })
      expect(await store.getRolloutById({ rolloutId: claimed.rollout_id })).toMatchObject({
        status: 'cancelled',
        attempt: { status: 'failed', outcome: 'cancelled' },
      })
      expect((await store.heartbeat({ workerId: 'w', attempts: [keyOf(claimed)] })).stopped).toEqual([
        { ...keyOf(claimed), reason: 'cancelled' },
      ])
      expect(await store.dequeueRollout()).toBeNull()
    })
  }

  check('CANCEL-03', 'sticks, whatever the attempt reports afterwards', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store, { config: retryAlways })
    await store.updateRollout({ rolloutId: claimed.rollout_id, status: 'cancelled' })
    for (const status of ['running', 'succeeded', 'failed', 'timeout', 'unresponsive'] as const) {
      const attempt = await store.updateAttempt({ ...keyOf(claimed), status })
      expect(attempt).toMatchObject({ status: 'failed', outcome: 'cancelled' })
    }
    expect(await store.addSpan(spanOf(claimed))).not.toBeNull()
    expect(await statusOf(store, claimed.rollout_id)).toBe('cancelled')
    expect(await store.dequeueRollout()).toBeNull()
  })

  for (const [verb, status] of [
    ['updateRollout', 'queuing'],
    ['startAttempt', 'preparing'],
  ] as const) {
    check('CANCEL-04', `until ${verb} reopens the rollout; the old attempt stays cancelled`, async () => {
      const { store } = await open()
      const first = await enqueueAndClaim(store)
      const { rollout_id: rolloutId } = first
      await store.cancelRollouts({ rolloutIds: [rolloutId] })
      const started = verb === 'startAttempt' ? await store.startAttempt({ rolloutId }) : null
      if (started === null) await store.updateRollout({ rolloutId, status: 'queuing' })
      expect(await store.updateAttempt({ ...keyOf(first), status: 'succeeded' })).toMatchObject({ outcome: 'cancelled' })
      await store.addSpan(spanOf(first))
      expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status, end_time: null })
      const second = started ?? (await claimNext(store))
      await store.updateAttempt({ ...keyOf(second), status: 'succeeded' })
      expect(await statusOf(store, rolloutId)).toBe('succeeded')
    })
  }

  check('CANCEL-05', 'a lease and its renewal end with the cancel, and the work cannot be handed back', async () => {
    const { store, advance } = await open()
    const claimed = await enqueueAndClaim(store, { config: retryAlways }, { workerId: 'w', leaseMs: 10_000 })
    await store.cancelRollouts({ rolloutIds: [claimed.rollout_id] })
    const settled = await store.getLatestAttempt({ rolloutId: claimed.rollout_id })
    expect(settled).toMatchObject({ status: 'failed', outcome: 'cancelled', lease_expires: null })
    expect(await store.releaseAttempt(keyOf(claimed))).toMatchObject({ status: 'cancelled' })
    await store.heartbeat({ workerId: 'w', attempts: [keyOf(claimed)] })
    await advance(11_000)
    expect(await store.getLatestAttempt({ rolloutId: claimed.rollout_id })).toEqual(settled)
    expect(await store.dequeueRollout()).toBeNull()
  })

  check('CANCEL-06', 'settles superseded attempts that still live, and wakes who waits', async () => {
    const { store, stateOf } = await open()
    const first = await enqueueAndClaim(store, {}, { workerId: 'w1' })
    const second = await store.startAttempt({ rolloutId: first.rollout_id, workerId: 'w2' })
    const waiting = store.waitForRollouts({ rolloutIds: [first.rollout_id] })
    expect(await stateOf(waiting)).toBe('pending')
    await store.cancelRollouts({ rolloutIds: [first.rollout_id] })
    expect(await waiting).toMatchObject([{ status: 'cancelled' }])
    const attempts = (await store.queryAttempts({ rolloutId: first.rollout_id })).items
    expect(attempts.map((attempt) => attempt.outcome)).toEqual(['cancelled', 'cancelled'])
    for (const workerId of ['w1', 'w2']) {
      expect(await store.getWorkerById({ workerId })).toMatchObject({ status: 'idle', current_attempt_id: null })
    }
    const { stopped } = await store.heartbeat({ workerId: 'w', attempts: [keyOf(first), keyOf(second)] })
    expect(stopped.map((item) => item.reason)).toEqual(['cancelled', 'cancelled'])
  })

  for (const status of ['succeeded', 'failed', 'cancelled'] as const) {
    check('CANCEL-07', `a rollout that is ${status} is not cancelled again`, async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store)
      await store.updateRollout({ rolloutId: claimed.rollout_id, status })
      const before = await store.getRolloutById({ rolloutId: claimed.rollout_id })
      expect(await store.cancelRollouts({ rolloutIds: [claimed.rollout_id] })).toEqual([])
      expect(await store.getRolloutById({ rolloutId: claimed.rollout_id })).toEqual(before)
    })
  }
}
