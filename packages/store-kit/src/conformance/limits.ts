import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf, retryAlways, spanOf, statusOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeLimits({ check, open }: Suite): void {
  check('LIMIT-01', 'timeout_seconds counts from the start of the attempt', async () => {
    const { store, advance } = await open()
    const claimed = await enqueueAndClaim(store, { config: { timeout_seconds: 10 } })
    await advance(9_000)
    await store.addSpan(spanOf(claimed))
    await advance(900)
    expect(await statusOf(store, claimed.rollout_id)).toBe('running')
    await advance(200)
    expect(await store.getLatestAttempt({ rolloutId: claimed.rollout_id })).toMatchObject({
      status: 'timeout',
      outcome: 'timeout',
      end_time: null,
    })
    expect(await statusOf(store, claimed.rollout_id)).toBe('failed')
  })

  check('LIMIT-02', 'unresponsive_seconds counts from the last sign of life', async () => {
    const { store, advance } = await open()
    const claimed = await enqueueAndClaim(store, { config: { ...retryAlways, unresponsive_seconds: 10 } })
    await advance(8_000)
    await store.addSpan(spanOf(claimed))
    await advance(9_000)
    expect(await statusOf(store, claimed.rollout_id)).toBe('running')
    await advance(2_000)
    expect(await statusOf(store, claimed.rollout_id)).toBe('requeuing')
  })

  for (const sign of ['heartbeat', 'heartbeat time of a report'] as const) {
    check('LIMIT-02', `a ${sign} is a sign of life`, async () => {
      const { store, advance } = await open()
      const claimed = await enqueueAndClaim(store, { config: { unresponsive_seconds: 10 } }, { workerId: 'w' })
      await advance(8_000)
      const lastHeartbeatTime = claimed.attempt.start_time + 8
      if (sign === 'heartbeat') await store.heartbeat({ workerId: 'w', attempts: [keyOf(claimed)] })
      else await store.updateAttempt({ ...keyOf(claimed), lastHeartbeatTime })
      await advance(9_000)
      expect(await statusOf(store, claimed.rollout_id)).toBe('preparing')
      await advance(2_000)
      expect(await statusOf(store, claimed.rollout_id)).toBe('failed')
    })
  }

  for (const call of ['updateWorker', 'report without a heartbeat time'] as const) {
    check('LIMIT-02', `a ${call} is none`, async () => {
      const { store, advance } = await open()
      const claimed = await enqueueAndClaim(store, { config: { unresponsive_seconds: 10 } }, { workerId: 'w' })
      await advance(8_000)
      if (call === 'updateWorker') await store.updateWorker({ workerId: 'w', heartbeatStats: { load: 1 } })
      else await store.updateAttempt({ ...keyOf(claimed), status: 'running', metadata: { note: 1 } })
      await advance(3_000)
      expect(await store.getLatestAttempt({ rolloutId: claimed.rollout_id })).toMatchObject({ status: 'unresponsive' })
    })
  }

  for (const limit of ['timeout_seconds', 'unresponsive_seconds'] as const) {
    check('LIMIT-03', `${limit} passes without traffic: who waits is woken by the timer`, async () => {
      const { store, advance } = await open()
      const ending = await enqueueAndClaim(store, { config: { [limit]: 1 } })
      const retried = await enqueueAndClaim(store, { config: { ...retryAlways, [limit]: 1 } })
      const end = store.waitForRollouts({ rolloutIds: [ending.rollout_id] })
      const work = store.dequeueRollout({ waitMs: 60_000 })
      await advance(1_100)
      expect(await end).toMatchObject([{ rollout_id: ending.rollout_id, status: 'failed' }])
      expect(await work).toMatchObject({ rollout_id: retried.rollout_id, attempt: { sequence_id: 2 } })
    })
  }

  check('LIMIT-04', 'a new config applies to the attempt that is running', async () => {
    const { store, advance } = await open()
    const { rollout_id: rolloutId, config } = await enqueueAndClaim(store)
    await store.updateRollout({ rolloutId, config: { ...config, timeout_seconds: 1 } })
    await advance(1_100)
    expect(await statusOf(store, rolloutId)).toBe('failed')
  })

  check('LIMIT-05', 'a rollout that was put back by hand keeps its place when the attempt before it runs out', async () => {
    const { store, advance } = await open()
    const { rollout_id: rolloutId } = await enqueueAndClaim(store, { config: { timeout_seconds: 1 } })
    await store.updateRollout({ rolloutId, status: 'requeuing' })
    await advance(1_100)
    expect(await store.getLatestAttempt({ rolloutId })).toMatchObject({ status: 'timeout' })
    expect(await claimNext(store)).toMatchObject({ rollout_id: rolloutId, attempt: { sequence_id: 2 } })
  })

  check('LIMIT-06', 'of two limits that have passed the timeout is told', async () => {
    const { store, advance } = await open()
    const config = { timeout_seconds: 10, unresponsive_seconds: 5, max_attempts: 2, retry_condition: ['unresponsive'] } as const
    const { rollout_id: rolloutId, attempt } = await enqueueAndClaim(store, { config })
    await advance(6_000)
    expect(await statusOf(store, rolloutId)).toBe('requeuing')
    await advance(6_000)
    // Back for a moment, and past both limits.
    await store.updateAttempt({ rolloutId, attemptId: attempt.attempt_id, status: 'running' })
    await advance(10)
    expect(await store.getLatestAttempt({ rolloutId })).toMatchObject({ status: 'timeout' })
    expect(await statusOf(store, rolloutId)).toBe('failed')
  })
}
