import { AglError, type AttemptedRollout, type LightningStore } from '@agl/types'
import { expect } from 'vitest'
import { enqueueAndClaim, keyOf, noiseOf, promptOf, spanOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

/** Running work is never dropped: with enough of it there is no room for `large`. */
const retention = { maxBytes: 300_000 }
const large = noiseOf(20_000)
const full = { code: 'storage_full', isRetryable: true }

/** Does something until the store is full. */
async function untilFull(work: () => Promise<unknown>): Promise<void> {
  for (let count = 0; count < 200; count++) {
    try {
      await work()
    } catch (error) {
      if (AglError.isInstance(error, 'storage_full')) return
      throw error
    }
  }
  throw new Error('the store is never full')
}

/** Fills a store with the spans of a running rollout. */
async function fill(store: LightningStore): Promise<AttemptedRollout> {
  const running = await enqueueAndClaim(store, {}, { workerId: 'w' })
  const attributes = { text: noiseOf(4000) }
  await untilFull(() => store.addSpan(spanOf(running, { attributes })))
  return running
}

/** A store that running work has filled. */
export function describeFullStore({ check, open }: Suite): void {
  check('RETENTION-10', 'takes no resources, started rollouts or larger records', async () => {
    const { store } = await open({ retention })
    const { resources_id: resourcesId } = await store.addResources({ resources: promptOf('small') })
    const { rollout_id: rolloutId } = await fill(store)
    const before = [await store.getRolloutById({ rolloutId }), await store.getLatestResources()]
    const resources = promptOf(large)
    const writes: readonly (() => Promise<unknown>)[] = [
      () => store.addResources({ resources }),
      () => store.updateResources({ resourcesId, resources }),
      () => store.updateManyResources({ updates: [{ resourcesId, resources }] }),
      () => store.enqueueRollout({ input: large }),
      () => store.startRollout({ rollout: { input: large } }),
      () => store.updateRollout({ rolloutId, input: large }),
      () => store.updateRollout({ rolloutId, metadata: { large } }),
    ]
    for (const [index, write] of writes.entries()) {
      const refusal = await write().catch((error: unknown) => error)
      expect([index, refusal]).toMatchObject([index, full])
    }
    expect([await store.getRolloutById({ rolloutId }), await store.getLatestResources()]).toEqual(before)
    expect(await store.statistics()).toMatchObject({ total_rollouts: 1, total_attempts: 1, total_resources: 1 })
    expect((await store.queryResourcesVersions({ resourcesId })).total).toBe(1)
  })

  check('RETENTION-11', 'takes each report that ends the work, and no other that adds to it', async () => {
    const { store } = await open({ retention })
    const running = await fill(store)
    const before = await store.getLatestAttempt({ rolloutId: running.rollout_id })
    const metadata = { large }
    for (const report of [{ metadata }, { metadata, status: 'running' }] as const) {
      await expect(store.updateAttempt({ ...keyOf(running), ...report })).rejects.toMatchObject(full)
    }
    expect(await store.getLatestAttempt({ rolloutId: running.rollout_id })).toEqual(before)
    expect(await store.updateAttempt({ ...keyOf(running), metadata, status: 'succeeded' })).toMatchObject({ metadata })
    expect(await store.getRolloutById({ rolloutId: running.rollout_id })).toMatchObject({
      status: 'succeeded',
      attempt: { status: 'succeeded', metadata },
    })
    expect(await store.enqueueRollout({ input: large })).toMatchObject({ status: 'queuing' })
  })

  check('RETENTION-12', 'answers what was stored before, and tells what it does not know', async () => {
    const { store } = await open({ retention })
    const enqueue = { input: large, idempotency_key: 'enqueue' }
    const start = { rollout: { input: large, idempotency_key: 'start' } }
    const add = { resources: promptOf(large), idempotencyKey: 'add' }
    const enqueued = await store.enqueueRollout(enqueue)
    await store.updateRollout({ rolloutId: enqueued.rollout_id, status: 'running' })
    const stored = await store.getRolloutById({ rolloutId: enqueued.rollout_id })
    const started = await store.startRollout(start)
    const added = await store.addResources(add)
    const span = spanOf(started, { attributes: { large } })
    await store.addSpan(span)
    const running = await fill(store)
    expect(await store.addSpan(span)).toBeNull()
    expect(await store.addManySpans({ spans: [span] })).toEqual([])
    expect(await store.enqueueRollout(enqueue)).toEqual(stored)
    expect(await store.enqueueManyRollouts({ rollouts: [enqueue] })).toEqual([stored])
    expect((await store.startRollout(start)).attempt.attempt_id).toBe(started.attempt.attempt_id)
    expect(await store.addResources(add)).toEqual(added)
    const missing = { code: 'not_found' }
    const unknown = { rolloutId: 'unknown', attemptId: running.attempt.attempt_id }
    await expect(store.updateAttempt({ ...unknown, metadata: { large } })).rejects.toMatchObject(missing)
    await expect(store.updateRollout({ rolloutId: 'unknown', input: large })).rejects.toMatchObject(missing)
    await expect(store.startAttempt({ rolloutId: 'unknown' })).rejects.toMatchObject(missing)
    const stray = spanOf(running, { rollout_id: 'unknown', attributes: { large } })
    await expect(store.addSpan(stray)).rejects.toMatchObject(missing)
  })

  check('RETENTION-13', 'has room again for what deleted resources took', async () => {
    const { store } = await open({ retention })
    const ids: string[] = []
    await untilFull(async () => ids.push((await store.addResources({ resources: promptOf(large) })).resources_id))
    expect(ids.length).toBeGreaterThan(5)
    await untilFull(() => store.enqueueRollout({ input: noiseOf(1000), resources_id: 'elsewhere' }))
    await expect(store.enqueueRollout({ input: large, resources_id: 'elsewhere' })).rejects.toMatchObject(full)
    for (const resourcesId of ids.slice(0, 2)) expect(await store.deleteResources({ resourcesId })).toEqual([1])
    expect(await store.enqueueRollout({ input: large, resources_id: 'elsewhere' })).toMatchObject({ status: 'queuing' })
  })
}
