import { describe, expect, test } from 'vitest'
import { claimNext, enqueueAndClaim, type Harness, keyOf, retryAlways, spanOf, stateOf, statusOf } from './harness.ts'

export function describeLeases({ open }: Harness): void {
  describe('limits', () => {
    test('timeout_seconds counts from the start of the attempt', async () => {
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

    test('unresponsive_seconds counts from the last sign of life', async () => {
      const { store, advance } = await open()
      const claimed = await enqueueAndClaim(store, { config: { ...retryAlways, unresponsive_seconds: 10 } })
      await advance(8_000)
      await store.addSpan(spanOf(claimed))
      await advance(9_000)
      expect(await statusOf(store, claimed.rollout_id)).toBe('running')
      await advance(2_000)
      expect(await statusOf(store, claimed.rollout_id)).toBe('requeuing')
    })

    test('limits pass without traffic: who waits is woken by the timer', async () => {
      const { store, advance } = await open()
      const { rollout_id: rolloutId } = await enqueueAndClaim(store, { config: { timeout_seconds: 1 } })
      const waiting = store.waitForRollouts({ rolloutIds: [rolloutId] })
      await advance(1_100)
      expect(await waiting).toMatchObject([{ rollout_id: rolloutId, status: 'failed' }])
    })

    test('a new config applies to the attempt that is running', async () => {
      const { store, advance } = await open()
      const { rollout_id: rolloutId, config } = await enqueueAndClaim(store)
      await store.updateRollout({ rolloutId, config: { ...config, timeout_seconds: 1 } })
      await advance(1_100)
      expect(await statusOf(store, rolloutId)).toBe('failed')
    })

    test('a rollout that was put back by hand keeps its place when the attempt before it runs out', async () => {
      const { store, advance } = await open()
      const { rollout_id: rolloutId } = await enqueueAndClaim(store, { config: { timeout_seconds: 1 } })
      await store.updateRollout({ rolloutId, status: 'requeuing' })
      await advance(1_100)
      expect(await store.getLatestAttempt({ rolloutId })).toMatchObject({ status: 'timeout' })
      expect(await claimNext(store)).toMatchObject({ rollout_id: rolloutId, attempt: { sequence_id: 2 } })
    })
  })

  describe('leases', () => {
    const leaseMs = 10_000

    test('a lease shows on the attempt and not in its heartbeat', async () => {
      const { store } = await open()
      const { attempt } = await enqueueAndClaim(store, {}, { leaseMs })
      expect(attempt.lease_expires).toBeCloseTo(attempt.start_time + 10, 3)
      expect(attempt.last_heartbeat_time).toBeNull()
    })

    test('a heartbeat renews it, by its own length or a new one', async () => {
      const { store, advance } = await open()
      const claimed = await enqueueAndClaim(store, {}, { leaseMs, workerId: 'w' })
      const attempts = [keyOf(claimed)]
      for (let beat = 0; beat < 5; beat++) {
        await advance(8_000)
        expect((await store.heartbeat({ workerId: 'w', attempts })).stopped).toEqual([])
      }
      await store.heartbeat({ workerId: 'w', attempts, leaseMs: 60_000 })
      await advance(50_000)
      expect(await store.getLatestAttempt(rolloutOf(claimed))).toMatchObject({ status: 'preparing' })
      await advance(11_000)
      expect(await store.getLatestAttempt(rolloutOf(claimed))).toMatchObject({ status: 'unresponsive', lease_expires: null })
    })

    test('a heartbeat may shorten it', async () => {
      const { store, advance } = await open()
      const claimed = await enqueueAndClaim(store, {}, { leaseMs: 3_600_000 })
      await store.heartbeat({ workerId: 'w', attempts: [keyOf(claimed)], leaseMs: 1000 })
      const waiting = store.waitForRollouts({ rolloutIds: [claimed.rollout_id] })
      await advance(1100)
      expect(await waiting).toMatchObject([{ status: 'failed' }])
    })

    test('spans and reports do not renew it', async () => {
      const { store, advance } = await open()
      const claimed = await enqueueAndClaim(store, {}, { leaseMs })
      await advance(8_000)
      await store.addSpan(spanOf(claimed))
      await store.updateAttempt({ ...keyOf(claimed), status: 'running' })
      await advance(3_000)
      expect(await store.getLatestAttempt(rolloutOf(claimed))).toMatchObject({ status: 'unresponsive', outcome: 'unresponsive' })
    })

    test('after a sign of life the retry policy decides', async () => {
      const { store, advance } = await open()
      const once = await enqueueAndClaim(store, {}, { leaseMs })
      const retried = await enqueueAndClaim(store, { config: retryAlways }, { leaseMs })
      await store.addSpan(spanOf(once))
      await store.heartbeat({ workerId: 'w', attempts: [keyOf(retried)] })
      await advance(11_000)
      expect(await statusOf(store, once.rollout_id)).toBe('failed')
      expect(await statusOf(store, retried.rollout_id)).toBe('requeuing')
    })

    test('a claim that never showed life is put back uncounted, 5 times, then fails as infra_error', async () => {
      const { store, advance } = await open()
      const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
      for (let lost = 0; lost < 5; lost++) {
        await claimNext(store, { leaseMs })
        await advance(11_000)
        expect(await statusOf(store, rolloutId)).toBe('requeuing')
      }
      await claimNext(store, { leaseMs })
      await advance(11_000)
      expect(await statusOf(store, rolloutId)).toBe('failed')
      expect(await store.getLatestAttempt({ rolloutId })).toMatchObject({
        status: 'failed',
        outcome: 'infra_error',
        sequence_id: 6,
      })
    })

    test('who waits for work gets what a lease puts back', async () => {
      const { store, advance } = await open()
      const claimed = await enqueueAndClaim(store, {}, { leaseMs })
      const waiting = store.dequeueRollout({ workerId: 'w2', waitMs: 60_000 })
      await advance(10_100)
      expect(await stateOf(waiting)).toBe('resolved')
      expect(await waiting).toMatchObject({ rollout_id: claimed.rollout_id, attempt: { sequence_id: 2, worker_id: 'w2' } })
    })

    test('uncounted claims use up no tries', async () => {
      const { store, advance } = await open()
      const { rollout_id: rolloutId } = await store.enqueueRollout({
        input: 1,
        config: { max_attempts: 2, retry_condition: ['failed'] },
      })
      await claimNext(store, { leaseMs })
      await advance(11_000)
      await store.updateAttempt({ ...keyOf(await claimNext(store)), status: 'failed' })
      expect(await statusOf(store, rolloutId)).toBe('requeuing')
      await store.updateAttempt({ ...keyOf(await claimNext(store)), status: 'failed' })
      expect(await statusOf(store, rolloutId)).toBe('failed')
    })

    test.each(['span', 'heartbeat'] as const)('a late %s revives it and takes it out of the queue', async (sign) => {
      const { store, advance } = await open()
      const claimed = await enqueueAndClaim(store, {}, { leaseMs, workerId: 'w' })
      await advance(11_000)
      expect(await statusOf(store, claimed.rollout_id)).toBe('requeuing')
      const give = {
        span: () => store.addSpan(spanOf(claimed)),
        heartbeat: () => store.heartbeat({ workerId: 'w', attempts: [keyOf(claimed)] }),
      }
      await give[sign]()
      expect(await store.getRolloutById({ rolloutId: claimed.rollout_id })).toMatchObject({
        status: 'running',
        attempt: { status: 'running', outcome: null, attempt_id: claimed.attempt.attempt_id },
      })
      expect(await store.dequeueRollout()).toBeNull()
      // It counts again: its next silence is judged by the retry policy, which knows no second try here.
      await advance(11_000)
      expect(await statusOf(store, claimed.rollout_id)).toBe('failed')
    })

    test('once somebody has claimed again it is superseded', async () => {
      const { store, advance } = await open()
      const first = await enqueueAndClaim(store, {}, { leaseMs, workerId: 'w1' })
      await advance(11_000)
      const second = await claimNext(store, { leaseMs, workerId: 'w2' })
      const { stopped } = await store.heartbeat({ workerId: 'w1', attempts: [keyOf(first)] })
      expect(stopped).toEqual([{ ...keyOf(first), reason: 'superseded' }])
      await store.addSpan(spanOf(first))
      await store.updateAttempt({ ...keyOf(first), status: 'succeeded' })
      expect(await store.getRolloutById({ rolloutId: first.rollout_id })).toMatchObject({
        status: 'preparing',
        attempt: { attempt_id: second.attempt.attempt_id },
      })
    })

    test('a claim without a lease lives until its own limits', async () => {
      const { store, advance } = await open()
      const claimed = await enqueueAndClaim(store)
      await advance(365 * 24 * 3_600_000)
      expect(await statusOf(store, claimed.rollout_id)).toBe('preparing')
    })

    test('a heartbeat tells about what is over or unknown, and renews the rest', async () => {
      const { store } = await open()
      const done = await enqueueAndClaim(store, {}, { leaseMs })
      await store.updateAttempt({ ...keyOf(done), status: 'succeeded' })
      const gone = { rolloutId: done.rollout_id, attemptId: 'at-gone' }
      const live = await enqueueAndClaim(store, {}, { leaseMs })
      const reply = await store.heartbeat({ workerId: 'w', attempts: [keyOf(done), gone, keyOf(live)], stats: { cpu: 1 } })
      expect(reply.stopped).toEqual([
        { ...keyOf(done), reason: 'settled' },
        { ...gone, reason: 'not_found' },
      ])
      expect(reply.worker).toMatchObject({ worker_id: 'w', heartbeat_stats: { cpu: 1 } })
      expect(await store.getLatestAttempt(rolloutOf(live))).toMatchObject({ last_heartbeat_time: expect.any(Number) })
    })
  })

  describe('release', () => {
    test('gives the work back without counting as a try', async () => {
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
  })
}

function rolloutOf(claimed: { readonly rollout_id: string }): { readonly rolloutId: string } {
  return { rolloutId: claimed.rollout_id }
}
