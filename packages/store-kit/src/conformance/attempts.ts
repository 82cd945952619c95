import type { AttemptStatus } from '@agl/types'
import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf, retryAlways, rewardOf, spanOf, statusOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeAttempts({ check, open }: Suite): void {
  for (const [status, expected] of [
    ['preparing', 'preparing'],
    ['running', 'running'],
    ['succeeded', 'succeeded'],
    ['failed', 'failed'],
    ['timeout', 'failed'],
    ['unresponsive', 'failed'],
  ] as const) {
    check('ATTEMPT-01', `${status} without retries makes the rollout ${expected}`, async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store)
      // It is preparing already: back from running is a move.
      if (status === 'preparing') await store.updateAttempt({ ...keyOf(claimed), status: 'running' })
      const attempt = await store.updateAttempt({ ...keyOf(claimed), status })
      expect(attempt.status).toBe(status)
      const hasEnded = status === 'succeeded' || status === 'failed'
      expect(attempt.end_time !== null).toBe(hasEnded)
      const rollout = await store.getRolloutById({ rolloutId: claimed.rollout_id })
      expect(rollout?.status).toBe(expected)
      expect(rollout?.end_time !== null).toBe(expected === 'succeeded' || expected === 'failed')
      expect(rollout!.end_time ?? Infinity).toBeGreaterThanOrEqual(attempt.end_time ?? 0)
    })
  }

  check('ATTEMPT-04', 'the outcome follows the status unless it is given', async () => {
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
    for (const [outcome, status] of [
      ['invalid', 'failed'],
      ['scored', 'succeeded'],
    ] as const) {
      const told = await enqueueAndClaim(store)
      expect(await store.updateAttempt({ ...keyOf(told), status, outcome })).toMatchObject({ status, outcome })
      expect(await store.getLatestAttempt({ rolloutId: told.rollout_id })).toMatchObject({ status, outcome })
    }
  })

  check('ATTEMPT-05', 'a reward makes it scored, before the end or after it', async () => {
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

  check('ATTEMPT-06', 'the same ending status again changes nothing', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store, { config: retryAlways })
    const first = await store.updateAttempt({ ...keyOf(claimed), status: 'failed' })
    expect(await store.updateAttempt({ ...keyOf(claimed), status: 'failed', outcome: 'invalid' })).toEqual(first)
    expect(await store.dequeueManyRollouts({ limit: 5 })).toHaveLength(1)
  })

  check('ATTEMPT-07', 'a finished rollout stays finished, whatever its attempt reports', async () => {
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
    // Finished by hand while its attempt is running: that settles for itself.
    const running = await enqueueAndClaim(store, { config: retryAlways })
    await store.updateRollout({ rolloutId: running.rollout_id, status: 'succeeded' })
    expect(await store.updateAttempt({ ...keyOf(running), status: 'failed' })).toMatchObject({ status: 'failed' })
    expect(await statusOf(store, running.rollout_id)).toBe('succeeded')
    expect(await store.dequeueRollout()).toBeNull()
  })

  check('ATTEMPT-09', 'a superseded attempt settles for itself alone', async () => {
    const { store } = await open()
    const first = await enqueueAndClaim(store)
    const second = await store.startAttempt({ rolloutId: first.rollout_id })
    expect(second.attempt.sequence_id).toBe(2)
    // While it is live, too.
    await store.addSpan(spanOf(first))
    expect(await store.getRolloutById({ rolloutId: first.rollout_id })).toEqual(second)
    const attempts = (await store.queryAttempts({ rolloutId: first.rollout_id })).items
    expect(attempts).toMatchObject([{ status: 'running', last_heartbeat_time: expect.any(Number) }, second.attempt])
    expect(await store.updateAttempt({ ...keyOf(first), status: 'failed' })).toMatchObject({ status: 'failed' })
    expect(await store.addSpan(spanOf(first))).not.toBeNull()
    expect(await statusOf(store, first.rollout_id)).toBe('preparing')
    await store.updateAttempt({ ...keyOf(second), status: 'succeeded' })
    expect(await statusOf(store, first.rollout_id)).toBe('succeeded')
  })

  check('ATTEMPT-10', 'startAttempt reopens a finished rollout and ignores max_attempts', async () => {
    const { store } = await open()
    const first = await enqueueAndClaim(store)
    await store.updateAttempt({ ...keyOf(first), status: 'failed' })
    const second = await store.startAttempt({ rolloutId: first.rollout_id, workerId: 'w' })
    expect(second).toMatchObject({ status: 'preparing', end_time: null, attempt: { sequence_id: 2, worker_id: 'w' } })
  })

  check('ATTEMPT-11', 'metadata, worker and heartbeat time are taken; metadata alone moves nothing', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const update = { ...keyOf(claimed), metadata: { note: 1 }, workerId: '', lastHeartbeatTime: 5 }
    const attempt = await store.updateAttempt(update)
    expect(attempt).toMatchObject({ metadata: { note: 1 }, worker_id: '', last_heartbeat_time: 5, status: 'preparing' })
    expect(await statusOf(store, claimed.rollout_id)).toBe('preparing')
    expect((await store.queryWorkers()).total).toBe(0)
  })

  check('ATTEMPT-12', 'unknown ids, in the words of the reference', async () => {
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
}
