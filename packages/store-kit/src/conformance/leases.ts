import type { LightningStore } from '@agl/types'
import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf, retryAlways, spanOf, statusOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeLeases({ check, open }: Suite): void {
  const leaseMs = 10_000

  check('LEASE-01', 'a lease shows on the attempt and not in its heartbeat', async () => {
    const { store } = await open()
    const { attempt } = await enqueueAndClaim(store, {}, { leaseMs })
    expect(attempt.lease_expires).toBeCloseTo(attempt.start_time + 10, 3)
    expect(attempt.last_heartbeat_time).toBeNull()
  })

  check('LEASE-02', 'a heartbeat renews it, by its own length or a new one', async () => {
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

  check('LEASE-03', 'a heartbeat may shorten it', async () => {
    const { store, advance } = await open()
    const claimed = await enqueueAndClaim(store, {}, { leaseMs: 3_600_000 })
    await store.heartbeat({ workerId: 'w', attempts: [keyOf(claimed)], leaseMs: 1000 })
    const waiting = store.waitForRollouts({ rolloutIds: [claimed.rollout_id] })
    await advance(1100)
    expect(await waiting).toMatchObject([{ status: 'failed' }])
  })

  check('LEASE-04', 'spans and reports do not renew it', async () => {
    const { store, advance } = await open()
    const claimed = await enqueueAndClaim(store, {}, { leaseMs })
    await advance(8_000)
    await store.addSpan(spanOf(claimed))
    await store.updateAttempt({ ...keyOf(claimed), status: 'running' })
    await advance(3_000)
    expect(await store.getLatestAttempt(rolloutOf(claimed))).toMatchObject({ status: 'unresponsive', outcome: 'unresponsive' })
  })

  check('LEASE-05', 'after a sign of life the retry policy decides', async () => {
    const { store, advance } = await open()
    const once = await enqueueAndClaim(store, {}, { leaseMs })
    const retried = await enqueueAndClaim(store, { config: retryAlways }, { leaseMs })
    await store.addSpan(spanOf(once))
    await store.heartbeat({ workerId: 'w', attempts: [keyOf(retried)] })
    await advance(11_000)
    expect(await statusOf(store, once.rollout_id)).toBe('failed')
    expect(await statusOf(store, retried.rollout_id)).toBe('requeuing')
  })

  check('LEASE-06', 'a claim that never showed life is put back uncounted, 5 times, then fails as infra_error', async () => {
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

  check('LEASE-07', 'who waits for work gets what a lease puts back', async () => {
    const { store, advance, stateOf } = await open()
    const claimed = await enqueueAndClaim(store, {}, { leaseMs })
    const waiting = store.dequeueRollout({ workerId: 'w2', waitMs: 60_000 })
    await advance(10_100)
    expect(await stateOf(waiting)).toBe('resolved')
    expect(await waiting).toMatchObject({ rollout_id: claimed.rollout_id, attempt: { sequence_id: 2, worker_id: 'w2' } })
  })

  check('LEASE-08', 'uncounted claims use up no tries', async () => {
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

  for (const sign of ['span', 'heartbeat'] as const) {
    check('LEASE-09', `a late ${sign} revives it and takes it out of the queue`, async () => {
      const { store, advance } = await open()
      const config = { max_attempts: 2, retry_condition: ['unresponsive'] } as const
      const claimed = await enqueueAndClaim(store, { config }, { leaseMs, workerId: 'w' })
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
      // It counts again: of two tries one is used up by its next silence, the other by the one after that.
      await advance(11_000)
      expect(await statusOf(store, claimed.rollout_id)).toBe('requeuing')
      const last = await claimNext(store, { leaseMs })
      await store.addSpan(spanOf(last))
      await advance(11_000)
      expect(await statusOf(store, claimed.rollout_id)).toBe('failed')
    })
  }

  check('LEASE-10', 'once somebody has claimed again it is superseded', async () => {
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

  check('LEASE-11', 'a claim without a lease lives until its own limits', async () => {
    const { store, advance } = await open()
    const claimed = await enqueueAndClaim(store)
    await advance(365 * 24 * 3_600_000)
    expect(await statusOf(store, claimed.rollout_id)).toBe('preparing')
  })

  check('LEASE-12', 'a heartbeat tells about what is over or unknown, and renews the rest', async () => {
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

  check('LEASE-13', 'what showed life once is judged by its policy, a report counts as life', async () => {
    const { store, advance } = await open()
    const claimed = await enqueueAndClaim(store, {}, { leaseMs })
    await store.updateAttempt({ ...keyOf(claimed), metadata: { note: 1 } })
    await advance(11_000)
    expect(await statusOf(store, claimed.rollout_id)).toBe('failed')
    expect(await store.getLatestAttempt(rolloutOf(claimed))).toMatchObject({ outcome: 'unresponsive' })
  })

  for (const verb of ['updateRollout', 'startAttempt'] as const) {
    check('LEASE-14', `reopening a rollout by ${verb} forgets its lost claims`, async () => {
      const { store, advance } = await open()
      const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
      for (let opening = 0; opening < 2; opening++) {
        for (let lost = 0; lost < 6; lost++) {
          if (await isWaiting(store, rolloutId)) await claimNext(store, { leaseMs })
          await advance(11_000)
          expect(await statusOf(store, rolloutId)).toBe(lost < 5 ? 'requeuing' : 'failed')
        }
        if (verb === 'startAttempt') await store.startAttempt({ rolloutId, leaseMs })
        else await store.updateRollout({ rolloutId, status: 'queuing' })
      }
    })
  }

  check('LEASE-17', 'an attempt lost before a reopening does not give a lost claim back when it speaks again', async () => {
    const { store, advance } = await open()
    const old = await enqueueAndClaim(store, {}, { leaseMs })
    await advance(11_000)
    await store.updateRollout({ rolloutId: old.rollout_id, status: 'failed' })
    await store.updateRollout({ rolloutId: old.rollout_id, status: 'queuing' })
    for (let lost = 0; lost < 6; lost++) {
      await claimNext(store, { leaseMs })
      await advance(11_000)
      expect(await statusOf(store, old.rollout_id)).toBe(lost < 5 ? 'requeuing' : 'failed')
      if (lost === 0) await store.addSpan(spanOf(old))
    }
  })

  check('LEASE-15', 'started work and started attempts take leases too', async () => {
    const { store, advance } = await open()
    const started = await store.startRollout({ rollout: { input: 1 }, leaseMs })
    expect(started.attempt.lease_expires).toBeCloseTo(started.attempt.start_time + 10, 3)
    await advance(11_000)
    expect(await statusOf(store, started.rollout_id)).toBe('requeuing')
    const again = await store.startAttempt({ ...rolloutOf(started), leaseMs })
    expect(again.attempt.lease_expires).toBeCloseTo(again.attempt.start_time + 10, 3)
    await advance(11_000)
    expect(await statusOf(store, started.rollout_id)).toBe('requeuing')
  })

  check('LEASE-16', 'a heartbeat gives no lease to a claim without one, unless it names a length', async () => {
    const { store, advance } = await open()
    const claimed = await enqueueAndClaim(store, {}, { workerId: 'w' })
    await store.heartbeat({ workerId: 'w', attempts: [keyOf(claimed)] })
    expect(await store.getLatestAttempt(rolloutOf(claimed))).toMatchObject({ lease_expires: null })
    await store.heartbeat({ workerId: 'w', attempts: [keyOf(claimed)], leaseMs })
    await advance(11_000)
    expect(await statusOf(store, claimed.rollout_id)).toBe('failed')
  })
}

async function isWaiting(store: LightningStore, rolloutId: string): Promise<boolean> {
  const status = await statusOf(store, rolloutId)
  return status === 'queuing' || status === 'requeuing'
}

function rolloutOf(claimed: { readonly rollout_id: string }): { readonly rolloutId: string } {
  return { rolloutId: claimed.rollout_id }
}
