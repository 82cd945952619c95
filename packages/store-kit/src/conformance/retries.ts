import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf, spanOf, statusOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeRetries({ check, open }: Suite): void {
  for (const status of ['failed', 'timeout', 'unresponsive'] as const) {
    check('ATTEMPT-02', `${status} with tries left is queued again`, async () => {
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
  }

  check('ATTEMPT-13', 'an outcome in retry_outcomes is tried again, another of the same status is not', async () => {
    const { store } = await open()
    const config = { max_attempts: 2, retry_outcomes: ['infra_error'] } as const
    for (const [outcome, status] of [
      ['agent_error', 'failed'],
      ['infra_error', 'requeuing'],
    ] as const) {
      const claimed = await enqueueAndClaim(store, { config })
      await store.updateAttempt({ ...keyOf(claimed), status: 'failed', outcome })
      expect(await statusOf(store, claimed.rollout_id)).toBe(status)
    }
  })

  check('ATTEMPT-03', 'a status outside retry_condition is not tried again', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store, { config: { max_attempts: 3, retry_condition: ['timeout'] } })
    await store.updateAttempt({ ...keyOf(claimed), status: 'failed' })
    expect(await statusOf(store, claimed.rollout_id)).toBe('failed')
  })

  check('ATTEMPT-08', 'before anybody claims again, a report of the ended attempt still counts', async () => {
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

  check('ATTEMPT-14', 'attempts that were started by hand use up tries too', async () => {
    const { store } = await open()
    const first = await enqueueAndClaim(store, { config: { max_attempts: 2, retry_condition: ['failed'] } })
    const second = await store.startAttempt({ rolloutId: first.rollout_id })
    await store.updateAttempt({ ...keyOf(second), status: 'failed' })
    expect(await statusOf(store, first.rollout_id)).toBe('failed')
    expect(await store.dequeueRollout()).toBeNull()
  })

  check('ATTEMPT-15', 'an attempt that was silent, came back and failed is one try, and queued once', async () => {
    const { store } = await open()
    const config = { max_attempts: 2, retry_condition: ['failed', 'unresponsive'] } as const
    const first = await enqueueAndClaim(store, { config })
    await store.updateAttempt({ ...keyOf(first), status: 'unresponsive' })
    await store.addSpan(spanOf(first))
    expect(await statusOf(store, first.rollout_id)).toBe('running')
    await store.updateAttempt({ ...keyOf(first), status: 'failed' })
    expect(await statusOf(store, first.rollout_id)).toBe('requeuing')
    const [second, ...others] = await store.dequeueManyRollouts({ limit: 5 })
    expect(second).toMatchObject({ rollout_id: first.rollout_id, attempt: { sequence_id: 2 } })
    expect(others).toEqual([])
    await store.updateAttempt({ ...keyOf(second!), status: 'failed' })
    expect(await statusOf(store, first.rollout_id)).toBe('failed')
  })
}
