import { createMemoryStore } from '@agl/store-memory'
import { AglError, type LightningStore } from '@agl/types'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ServedClaims, serveClaims } from './served-claims.ts'

let store: LightningStore
let claims: ServedClaims
beforeEach(() => {
  store = createMemoryStore()
  claims = serveClaims(store)
})
afterEach(() => store.close())

const leaseMs = 60_000
const crash = new AglError({ code: 'runner_died', message: 'it fell' })
const claim = (workerId: string, waitMs = 0) => claims.store.dequeueRollout({ workerId, waitMs, leaseMs })

async function claimed(workerId: string): Promise<{ readonly rolloutId: string; readonly attemptId: string }> {
  await store.enqueueRollout({ input: 1 })
  const { rollout_id: rolloutId, attempt } = (await claim(workerId))!
  return { rolloutId, attemptId: attempt.attempt_id }
}

const statusOf = async (rolloutId: string): Promise<string> => (await store.getRolloutById({ rolloutId }))!.status

it('after the end there is nothing to claim, and parked claims hear of it at once; the rest goes on', async () => {
  const held = await claimed('b')
  const waiting = claim('a', 600_000).catch((error: unknown) => error)
  claims.end()
  await store.enqueueRollout({ input: 1 })
  expect(await waiting).toMatchObject({ code: 'closed', isRetryable: false })
  await expect(claim('c')).rejects.toMatchObject({ code: 'closed' })
  await expect(claims.store.dequeueManyRollouts({ limit: 2, workerId: 'c' })).rejects.toMatchObject({ code: 'closed' })
  expect(await claims.store.dequeueManyRollouts({ limit: 0 })).toEqual([])
  expect(await claims.store.heartbeat({ workerId: 'b', attempts: [held], leaseMs })).toMatchObject({ stopped: [] })
  await claims.store.updateAttempt({ ...held, status: 'succeeded' })
  expect(await statusOf(held.rolloutId)).toBe('succeeded')
  // The algorithm has the store itself.
  expect(await store.dequeueRollout({ workerId: 'own' })).not.toBeNull()
})

it('is drained when all who claimed have heard of the end and hold nothing', async () => {
  const held = await claimed('a')
  expect(await claim('b')).toBeNull()
  claims.end()
  let isDrained = false
  const drained = claims.untilDrained(new AbortController().signal).then(() => (isDrained = true))
  const isDrainedSoon = async (): Promise<boolean> => {
    await new Promise((resolve) => setImmediate(resolve))
    return isDrained
  }
  await expect(claim('a')).rejects.toMatchObject({ code: 'closed' })
  await claims.store.releaseAttempt(held)
  expect(await isDrainedSoon()).toBe(false)
  await expect(claim('b')).rejects.toMatchObject({ code: 'closed' })
  await drained
})

it('is not drained by those who have heard and still work', async () => {
  const held = await claimed('a')
  claims.end()
  await expect(claim('a')).rejects.toMatchObject({ code: 'closed' })
  let isDrained = false
  const drained = claims.untilDrained(new AbortController().signal).then(() => (isDrained = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(isDrained).toBe(false)
  await claims.store.updateAttempt({ ...held, status: 'succeeded' })
  await drained
})

it('does not wait for those that are gone, nor beyond the signal', async () => {
  await claimed('a')
  claims.end()
  const controller = new AbortController()
  const drained = claims.untilDrained(controller.signal)
  controller.abort()
  await drained
  const again = claims.untilDrained(new AbortController().signal)
  await claims.bury('a', crash)
  expect(await again).toBeUndefined()
})

it('a recall tells every running attempt to stop, beside what the store says', async () => {
  const held = await claimed('a')
  const cancelled = await claimed('a')
  await store.cancelRollouts({ rolloutIds: [cancelled.rolloutId] })
  claims.recall()
  const { stopped } = await claims.store.heartbeat({ workerId: 'a', attempts: [held, cancelled], leaseMs })
  expect(stopped).toEqual([
    { ...cancelled, reason: 'cancelled' },
    { ...held, reason: 'shutdown' },
  ])
})

it('ends what a worker held that crashed, and hands back what one never knew of', async () => {
  const crashed = await claimed('a')
  const settled = await claimed('a')
  await claims.store.updateAttempt({ ...settled, status: 'succeeded' })
  const unknown = await claimed('b')
  await claims.bury('a', crash)
  await claims.bury('b', null)
  expect(await store.getLatestAttempt({ rolloutId: crashed.rolloutId })).toMatchObject({
    outcome: 'unresponsive',
    metadata: { error: { code: 'runner_died', message: 'it fell' } },
  })
  expect(await statusOf(crashed.rolloutId)).toBe('failed')
  expect(await statusOf(settled.rolloutId)).toBe('succeeded')
  expect(await statusOf(unknown.rolloutId)).toBe('requeuing')
})

it('waits for a settlement that is under way, and leaves it its outcome and its next try', async () => {
  const written = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  const slow = serveClaims({
    ...store,
    async updateAttempt(request) {
      const updated = await store.updateAttempt(request)
      written.resolve()
      await answer.promise
      return updated
    },
  })
  const { rollout_id: rolloutId } = await store.enqueueRollout({
    input: 1,
    config: { max_attempts: 2, retry_condition: ['failed'] },
  })
  const { attempt } = (await slow.store.dequeueRollout({ workerId: 'a', leaseMs }))!
  const ids = { rolloutId, attemptId: attempt.attempt_id }
  const settling = slow.store.updateAttempt({ ...ids, status: 'failed', outcome: 'agent_error' })
  await written.promise
  const burying = slow.bury('a', crash)
  await new Promise((resolve) => setImmediate(resolve))
  answer.resolve()
  await Promise.all([settling, burying])
  expect(await store.getLatestAttempt({ rolloutId })).toMatchObject({ outcome: 'agent_error', metadata: attempt.metadata })
  expect(await statusOf(rolloutId)).toBe('requeuing')
})

it('leaves what the store has ended meanwhile as it is', async () => {
  const held = await claimed('a')
  await store.cancelRollouts({ rolloutIds: [held.rolloutId] })
  const before = await store.getLatestAttempt({ rolloutId: held.rolloutId })
  await claims.bury('a', crash)
  expect(await store.getLatestAttempt({ rolloutId: held.rolloutId })).toEqual(before)
  expect(before).toMatchObject({ outcome: 'cancelled' })
})

it('a claim that is served after its worker was buried goes back', async () => {
  const late = claim('a', 600_000).catch((error: unknown) => error)
  const slow = serveClaims({
    ...store,
    async dequeueRollout(request) {
      const found = await store.dequeueRollout({ workerId: request?.workerId ?? null, leaseMs })
      await slow.bury('c', crash)
      return found
    },
  })
  await claims.bury('a', crash)
  expect(await late).toMatchObject({ code: 'closed' })
  const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
  await expect(slow.store.dequeueRollout({ workerId: 'c', leaseMs })).rejects.toMatchObject({ code: 'closed' })
  expect(await statusOf(rolloutId)).toBe('requeuing')
})

it('serves instances of classes too', async () => {
  class Counting {
    readonly #store = store
    readonly name = 'counting'
    async statistics() {
      return this.#store.statistics()
    }
  }
  const served = serveClaims(new Counting() as unknown as LightningStore)
  expect(await served.store.statistics()).toMatchObject({ total_rollouts: 0 })
  expect('statistics' in served.store).toBe(true)
})
