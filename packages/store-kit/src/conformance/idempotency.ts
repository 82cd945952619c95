import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf, promptOf, retryAlways } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeIdempotency({ check, open }: Suite): void {
  const tenMinutes = 600_000

  check('SAME-01', 'a claim that is sent again answers the same attempt and takes no more work', async () => {
    const { store, advance } = await open()
    await store.enqueueManyRollouts({ rollouts: [1, 2, 3].map((input) => ({ input })) })
    const request = { workerId: 'w', idempotencyKey: 'k' }
    const first = await store.dequeueRollout(request)
    expect(await store.dequeueRollout(request)).toEqual(first)
    expect(await store.dequeueRollout(request)).toEqual(first)
    const other = await store.dequeueRollout({ ...request, idempotencyKey: 'l' })
    expect(other?.input).toBe(2)
    expect((await store.statistics()).total_attempts).toBe(2)
    await advance(tenMinutes + 1000)
    expect(await store.dequeueRollout(request)).toMatchObject({ input: 3 })
  })

  check('SAME-02', 'so does one for many, and one that had to wait', async () => {
    const { store, stateOf } = await open()
    await store.enqueueManyRollouts({ rollouts: [1, 2, 3].map((input) => ({ input })) })
    const request = { limit: 2, idempotencyKey: 'many' }
    const first = await store.dequeueManyRollouts(request)
    expect(first).toHaveLength(2)
    expect(await store.dequeueManyRollouts(request)).toEqual(first)
    expect(await store.dequeueManyRollouts({ limit: 9 })).toHaveLength(1)
    const parked = { waitMs: 60_000, idempotencyKey: 'parked' }
    const waiting = store.dequeueRollout(parked)
    const repeated = store.dequeueRollout(parked)
    expect(await stateOf(waiting)).toBe('pending')
    await store.enqueueManyRollouts({ rollouts: [{ input: 4 }, { input: 5 }] })
    const served = await waiting
    expect(served).toMatchObject({ input: 4 })
    expect(await repeated).toEqual(served)
    expect(await store.dequeueRollout(parked)).toEqual(served)
  })

  check('SAME-12', 'a claim sent again during the wait ends by its own signal and time', async () => {
    const { store, advance, stateOf } = await open()
    const key = { idempotencyKey: 'k' }
    const first = store.dequeueRollout({ ...key, waitMs: 60_000 })
    expect(await stateOf(first)).toBe('pending')
    const controller = new AbortController()
    const second = store.dequeueRollout({ ...key, waitMs: 60_000, signal: controller.signal })
    const short = store.dequeueRollout({ ...key, waitMs: 1000 })
    expect(await store.dequeueRollout(key)).toBeNull()
    expect(await stateOf(second)).toBe('pending')
    controller.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    await advance(2000)
    expect(await short).toBeNull()
    await store.enqueueRollout({ input: 1 })
    expect(await first).toMatchObject({ input: 1 })
    expect(await store.dequeueRollout(key)).toEqual(await first)
  })

  check('SAME-03', 'startAttempt', async () => {
    const { store } = await open()
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    const first = await store.startAttempt({ rolloutId, idempotencyKey: 'k' })
    expect(await store.startAttempt({ rolloutId, idempotencyKey: 'k' })).toEqual(first)
    expect((await store.queryAttempts({ rolloutId })).total).toBe(1)
    expect((await store.startAttempt({ rolloutId, idempotencyKey: 'l' })).attempt.sequence_id).toBe(2)
  })

  check('SAME-16', 'updateRollout', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const { rollout_id: rolloutId } = claimed
    await store.updateAttempt({ ...keyOf(claimed), status: 'failed' })
    const reopen = { rolloutId, status: 'queuing', idempotencyKey: 'k' } as const
    const reopened = await store.updateRollout(reopen)
    await store.dequeueRollout()
    expect(await store.updateRollout(reopen)).toEqual(reopened)
    expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status: 'preparing' })
    expect(await store.dequeueRollout()).toBeNull()
    expect(await store.updateRollout({ ...reopen, idempotencyKey: 'l' })).toMatchObject({ status: 'queuing' })
  })

  check('SAME-04', 'addResources, updateResources and updateManyResources, with their expectations', async () => {
    const { store, advance } = await open()
    const added = await store.addResources({ resources: promptOf('a'), idempotencyKey: 'add' })
    expect(await store.addResources({ resources: promptOf('a'), idempotencyKey: 'add' })).toEqual(added)
    const change = { resourcesId: 'mine', resources: promptOf('b'), expectedVersion: 0, idempotencyKey: 'update' }
    const updated = await store.updateResources(change)
    expect(await store.updateResources(change)).toEqual(updated)
    const many = { updates: [{ resourcesId: 'mine', resources: {}, expectedVersion: 1 }], idempotencyKey: 'many' }
    const stored = await store.updateManyResources(many)
    expect(stored).toMatchObject([{ version: 2 }])
    expect(await store.updateManyResources(many)).toEqual(stored)
    expect((await store.queryResources()).total).toBe(2)
    expect(await store.getLatestResources()).toEqual(stored[0])
    await advance(tenMinutes + 1000)
    await store.addResources({ resources: promptOf('a'), idempotencyKey: 'add' })
    expect((await store.queryResources()).total).toBe(3)
  })

  check('SAME-05', 'a call that was refused is not remembered', async () => {
    const { store } = await open()
    const attempt = { rolloutId: 'mine', idempotencyKey: 'k' }
    await expect(store.startAttempt(attempt)).rejects.toMatchObject({ code: 'not_found' })
    await store.enqueueRollout({ input: 1, rollout_id: 'mine' })
    expect(await store.startAttempt(attempt)).toMatchObject({ attempt: { sequence_id: 1 } })
    const change = { resourcesId: 'mine', resources: {}, expectedVersion: 1, idempotencyKey: 'c' }
    await expect(store.updateResources(change)).rejects.toMatchObject({ code: 'conflict' })
    await store.updateResources({ resourcesId: 'mine', resources: {} })
    expect(await store.updateResources(change)).toMatchObject({ version: 2 })
    const controller = new AbortController()
    const waiting = store.dequeueRollout({ waitMs: 60_000, idempotencyKey: 'w', signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 2 })
    expect(await store.dequeueRollout({ idempotencyKey: 'w' })).toMatchObject({ rollout_id: rolloutId })
  })

  check('SAME-06', 'a key that was used with another verb is a conflict', async () => {
    const { store } = await open()
    const rollout = await store.enqueueRollout({ input: 1 })
    expect(await store.dequeueRollout({ idempotencyKey: 'k' })).toMatchObject({ rollout_id: rollout.rollout_id })
    const attempt = store.startAttempt({ rolloutId: rollout.rollout_id, idempotencyKey: 'k' })
    await expect(attempt).rejects.toMatchObject({ code: 'conflict' })
    const resources = store.addResources({ resources: promptOf('a'), idempotencyKey: 'k' })
    await expect(resources).rejects.toMatchObject({ code: 'conflict' })
    expect(await store.statistics()).toMatchObject({ total_attempts: 1, total_resources: 0 })
  })

  check('SAME-07', 'reports, updates and cancels that come twice do nothing the second time', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store, { config: retryAlways }, { workerId: 'w' })
    const { rollout_id: rolloutId } = claimed
    const twice = async (write: () => Promise<unknown>): Promise<void> => {
      await write()
      const before = [await store.getRolloutById({ rolloutId }), await store.getWorkerById({ workerId: 'w' })]
      await write()
      expect([await store.getRolloutById({ rolloutId }), await store.getWorkerById({ workerId: 'w' })]).toEqual(before)
    }
    await twice(() => store.updateAttempt({ ...keyOf(claimed), status: 'failed', metadata: { why: 'test' } }))
    const second = await claimNext(store, { workerId: 'w' })
    await twice(() => store.updateAttempt({ ...keyOf(second), status: 'succeeded' }))
    await twice(() => store.updateRollout({ rolloutId, status: 'queuing' }))
    await twice(() => store.cancelRollouts({ rolloutIds: [rolloutId] }))
    expect(await store.dequeueManyRollouts({ limit: 5 })).toEqual([])
  })

  check('SAME-08', 'moving an alias twice is no conflict', async () => {
    const { store } = await open()
    for (let number = 1; number <= 2; number++) await store.updateResources({ resourcesId: 'mine', resources: {} })
    const target = { alias: 'stable', resourcesId: 'mine' }
    const create = { ...target, version: 1, expected: null }
    await store.setResourcesAlias(create)
    expect(await store.setResourcesAlias(create)).toMatchObject({ version: 1 })
    const move = { ...target, version: 2, expected: { resourcesId: 'mine', version: 1 } }
    await store.setResourcesAlias(move)
    expect(await store.setResourcesAlias(move)).toMatchObject({ version: 2 })
  })

  check('SAME-09', 'the reply to a leased claim that was lost is answered again, and the attempt lives on', async () => {
    const { store, advance } = await open()
    await store.enqueueRollout({ input: 1 })
    const request = { workerId: 'w', leaseMs: 10_000, idempotencyKey: 'k' }
    const lost = await store.dequeueRollout(request)
    await advance(5000)
    const again = await store.dequeueRollout(request)
    expect(again?.attempt.attempt_id).toBe(lost?.attempt.attempt_id)
    await store.heartbeat({ workerId: 'w', attempts: [keyOf(again!)] })
    await advance(9000)
    expect(await store.getLatestAttempt({ rolloutId: again!.rollout_id })).toMatchObject({ sequence_id: 1, status: 'preparing' })
  })

  check('SAME-10', 'a release that comes twice gives back once', async () => {
    const { store } = await open()
    const config = { max_attempts: 2, retry_condition: ['failed'] } as const
    const claimed = await enqueueAndClaim(store, { config })
    await store.releaseAttempt(keyOf(claimed))
    expect(await store.releaseAttempt(keyOf(claimed))).toMatchObject({ status: 'requeuing' })
    // Of the two tries that the policy allows none is used up, and none was given on top.
    for (const expected of ['requeuing', 'failed']) {
      const next = await claimNext(store)
      await store.updateAttempt({ ...keyOf(next), status: 'failed' })
      expect(await store.getRolloutById({ rolloutId: next.rollout_id })).toMatchObject({ status: expected })
    }
  })

  check('SAME-11', 'a delete that comes twice answers that nothing was left', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    await store.updateAttempt({ ...keyOf(claimed), status: 'succeeded' })
    await store.deleteRollouts({ rolloutIds: [claimed.rollout_id] })
    expect(await store.deleteRollouts({ rolloutIds: [claimed.rollout_id] })).toEqual([])
  })
}
