import type { AttemptStatus } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { claimNext, enqueueAndClaim, type Harness, keyOf, retryAlways, rewardOf, spanOf, statusOf } from './harness.ts'

export function describeAttempts({ open }: Harness): void {
  describe('attempt updates', () => {
    test.each([
      ['preparing', 'preparing'],
      ['running', 'running'],
      ['succeeded', 'succeeded'],
      ['failed', 'failed'],
      ['timeout', 'failed'],
      ['unresponsive', 'failed'],
    ] as const)('%s without retries makes the rollout %s', async (status, expected) => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store)
      const attempt = await store.updateAttempt({ ...keyOf(claimed), status })
      expect(attempt.status).toBe(status)
      const hasEnded = status === 'succeeded' || status === 'failed'
      expect(attempt.end_time !== null).toBe(hasEnded)
      const rollout = await store.getRolloutById({ rolloutId: claimed.rollout_id })
      expect(rollout?.status).toBe(expected)
      expect(rollout?.end_time !== null).toBe(expected === 'succeeded' || expected === 'failed')
      expect(rollout!.end_time ?? Infinity).toBeGreaterThanOrEqual(attempt.end_time ?? 0)
    })

    test.each(['failed', 'timeout', 'unresponsive'] as const)('%s with tries left is queued again', async (status) => {
      const { store } = await open()
      const config = { max_attempts: 2, retry_condition: [status] }
      const first = await enqueueAndClaim(store, { config })
      await store.updateAttempt({ ...keyOf(first), status })
      expect(await statusOf(store, first.rollout_id)).toBe('requeuing')
      const second = await claimNext(store)
      expect(second).toMatchObject({ rollout_id: first.rollout_id, attempt: { sequence_id: 2 } })
      await store.updateAttempt({ ...keyOf(second), status })
      expect(await statusOf(store, first.rollout_id)).toBe('failed')
      expect(await store.dequeueRollout()).toBeNull()
    })

    test('a status outside retry_condition is not tried again', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store, { config: { max_attempts: 3, retry_condition: ['timeout'] } })
      await store.updateAttempt({ ...keyOf(claimed), status: 'failed' })
      expect(await statusOf(store, claimed.rollout_id)).toBe('failed')
    })

    test('the outcome follows the status unless it is given', async () => {
      const { store } = await open()
      const outcomeOf = async (status: AttemptStatus): Promise<unknown> => {
        const claimed = await enqueueAndClaim(store)
        return (await store.updateAttempt({ ...keyOf(claimed), status })).outcome
      }
      expect(await outcomeOf('running')).toBeNull()
      expect(await outcomeOf('succeeded')).toBe('completed')
      expect(await outcomeOf('failed')).toBe('agent_error')
      expect(await outcomeOf('timeout')).toBe('timeout')
      expect(await outcomeOf('unresponsive')).toBe('unresponsive')
      const claimed = await enqueueAndClaim(store)
      const update = { ...keyOf(claimed), outcome: 'infra_error' } as const
      await expect(store.updateAttempt({ ...update, status: 'succeeded' })).rejects.toMatchObject({ code: 'invalid_argument' })
      await expect(store.updateAttempt(update)).rejects.toMatchObject({ code: 'invalid_argument' })
      expect(await store.updateAttempt({ ...update, status: 'failed' })).toMatchObject({ outcome: 'infra_error' })
    })

    test('a reward makes it scored, before the end or after it', async () => {
      const { store } = await open()
      const early = await enqueueAndClaim(store)
      await store.addSpan(rewardOf(early))
      expect(await store.updateAttempt({ ...keyOf(early), status: 'succeeded' })).toMatchObject({ outcome: 'scored' })
      const late = await enqueueAndClaim(store)
      expect(await store.updateAttempt({ ...keyOf(late), status: 'succeeded' })).toMatchObject({ outcome: 'completed' })
      await store.addSpan(spanOf(late))
      expect(await store.getLatestAttempt({ rolloutId: late.rollout_id })).toMatchObject({ outcome: 'completed' })
      await store.addSpan(rewardOf(late))
      expect(await store.getLatestAttempt({ rolloutId: late.rollout_id })).toMatchObject({
        outcome: 'scored',
        status: 'succeeded',
      })
    })

    test('the same ending status again changes nothing', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store, { config: retryAlways })
      const first = await store.updateAttempt({ ...keyOf(claimed), status: 'failed' })
      expect(await store.updateAttempt({ ...keyOf(claimed), status: 'failed', outcome: 'invalid' })).toEqual(first)
      expect(await store.dequeueManyRollouts({ limit: 5 })).toHaveLength(1)
    })

    test('a finished rollout stays finished, whatever its attempt reports', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store, { config: retryAlways })
      const ended = await store.updateAttempt({ ...keyOf(claimed), status: 'succeeded' })
      for (const status of ['failed', 'running', 'preparing', 'timeout', 'unresponsive'] as const) {
        expect(await store.updateAttempt({ ...keyOf(claimed), status, metadata: { status } })).toEqual({
          ...ended,
          metadata: { status },
        })
      }
      expect(await statusOf(store, claimed.rollout_id)).toBe('succeeded')
    })

    test('before anybody claims again, a report of the ended attempt still counts', async () => {
      const { store } = await open()
      for (const [status, expected] of [
        ['running', 'running'],
        ['succeeded', 'succeeded'],
        ['failed', 'failed'],
      ] as const) {
        const claimed = await enqueueAndClaim(store, { config: { max_attempts: 2, retry_condition: ['unresponsive'] } })
        await store.updateAttempt({ ...keyOf(claimed), status: 'unresponsive' })
        await store.updateAttempt({ ...keyOf(claimed), status })
        expect(await statusOf(store, claimed.rollout_id)).toBe(expected)
        expect(await store.dequeueRollout()).toBeNull()
      }
    })

    test('a superseded attempt settles for itself alone', async () => {
      const { store } = await open()
      const first = await enqueueAndClaim(store)
      const second = await store.startAttempt({ rolloutId: first.rollout_id })
      expect(second.attempt.sequence_id).toBe(2)
      expect(await store.updateAttempt({ ...keyOf(first), status: 'failed' })).toMatchObject({ status: 'failed' })
      expect(await store.addSpan(spanOf(first))).not.toBeNull()
      expect(await statusOf(store, first.rollout_id)).toBe('preparing')
      await store.updateAttempt({ ...keyOf(second), status: 'succeeded' })
      expect(await statusOf(store, first.rollout_id)).toBe('succeeded')
    })

    test('startAttempt reopens a finished rollout and ignores max_attempts', async () => {
      const { store } = await open()
      const first = await enqueueAndClaim(store)
      await store.updateAttempt({ ...keyOf(first), status: 'failed' })
      const second = await store.startAttempt({ rolloutId: first.rollout_id, workerId: 'w' })
      expect(second).toMatchObject({ status: 'preparing', end_time: null, attempt: { sequence_id: 2, worker_id: 'w' } })
    })

    test('metadata, worker and heartbeat time are taken; metadata alone moves nothing', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store)
      const update = { ...keyOf(claimed), metadata: { note: 1 }, workerId: '', lastHeartbeatTime: 5 }
      const attempt = await store.updateAttempt(update)
      expect(attempt).toMatchObject({ metadata: { note: 1 }, worker_id: '', last_heartbeat_time: 5, status: 'preparing' })
      expect(await statusOf(store, claimed.rollout_id)).toBe('preparing')
    })

    test('unknown ids, in the words of the reference', async () => {
      const { store } = await open()
      const rollout = await store.enqueueRollout({ input: 1 })
      const rolloutId = rollout.rollout_id
      const status = 'failed'
      const missing = { code: 'not_found' }
      const unknown = store.updateAttempt({ rolloutId: 'x', attemptId: 'latest', status })
      await expect(unknown).rejects.toMatchObject({ ...missing, message: 'Rollout x not found' })
      const none = store.updateAttempt({ rolloutId, attemptId: 'latest', status })
      await expect(none).rejects.toMatchObject({ ...missing, message: `No attempts found for rollout ${rolloutId}` })
      await claimNext(store)
      const attempt = store.updateAttempt({ rolloutId, attemptId: 'y', status })
      await expect(attempt).rejects.toMatchObject({ ...missing, message: `Attempt y not found for rollout ${rolloutId}` })
      await expect(store.startAttempt({ rolloutId: 'x' })).rejects.toMatchObject({ ...missing, message: 'Rollout x not found' })
      await expect(store.updateRollout({ rolloutId: 'x' })).rejects.toMatchObject({
        ...missing,
        message: "Item does not exist with primary key(s): rollout_id='x'",
      })
      expect(await store.getRolloutById({ rolloutId: 'x' })).toBeNull()
      expect(await store.getLatestAttempt({ rolloutId: 'x' })).toBeNull()
      expect(await store.queryAttempts({ rolloutId: 'x' })).toEqual({ items: [], limit: -1, offset: 0, total: 0 })
    })
  })

  describe('rollout updates', () => {
    test('absent leaves alone, null sets null', async () => {
      const { store } = await open()
      const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1, mode: 'val', metadata: { a: 1 } })
      expect(await store.updateRollout({ rolloutId })).toMatchObject({ input: 1, mode: 'val', metadata: { a: 1 } })
      const nulls = { input: null, mode: null, metadata: null, resourcesId: null }
      expect(await store.updateRollout({ rolloutId, ...nulls })).toMatchObject({ input: null, mode: null, metadata: null })
      const invalid = { rolloutId, status: null } as unknown as { rolloutId: string }
      await expect(store.updateRollout(invalid)).rejects.toMatchObject({ code: 'invalid_argument' })
    })

    test('a finished rollout is reopened and waits for its next attempt', async () => {
      const { store } = await open()
      const first = await enqueueAndClaim(store)
      await store.updateAttempt({ ...keyOf(first), status: 'succeeded' })
      const reopened = await store.updateRollout({ rolloutId: first.rollout_id, status: 'queuing' })
      expect(reopened).toMatchObject({ status: 'queuing', end_time: null })
      expect(reopened).not.toHaveProperty('attempt')
      await store.updateAttempt({ ...keyOf(first), status: 'succeeded' })
      expect((await claimNext(store)).attempt.sequence_id).toBe(2)
    })

    test('the same ending status keeps its end_time; another one sets it', async () => {
      const { store } = await open()
      const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
      const first = await store.updateRollout({ rolloutId, status: 'failed' })
      expect((await store.updateRollout({ rolloutId, status: 'failed' })).end_time).toBe(first.end_time)
      expect((await store.updateRollout({ rolloutId, status: 'succeeded' })).end_time).toBeGreaterThan(first.end_time!)
    })

    test('a rollout may be running without an attempt', async () => {
      const { store } = await open()
      const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
      expect(await store.updateRollout({ rolloutId, status: 'running' })).toMatchObject({ status: 'running' })
      expect(await store.dequeueRollout()).toBeNull()
    })
  })
}
