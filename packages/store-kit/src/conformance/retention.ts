import { AglError, type AttemptedRollout, type LightningStore } from '@agl/types'
import { expect } from 'vitest'
import { enqueueAndClaim, keyOf, noiseOf, promptOf, spanOf, statusOf } from './fixtures.ts'
import type { Suite } from './harness.ts'
import { watcherOf } from './watcher.ts'

const noise = noiseOf(4000)
const bigSpan = (claimed: AttemptedRollout) => spanOf(claimed, { attributes: { text: noise } })

/** A rollout that has ended, with spans of about 40 kB. */
async function finished(store: LightningStore): Promise<AttemptedRollout> {
  const claimed = await enqueueAndClaim(store)
  await store.addManySpans({ spans: Array.from({ length: 10 }, () => bigSpan(claimed)) })
  await store.updateAttempt({ ...keyOf(claimed), status: 'succeeded' })
  return claimed
}

export function describeRetention({ check, open }: Suite): void {
  check('RETENTION-01', 'finished rollouts go when they are too old, others never', async () => {
    const { store, advance } = await open({ retention: { maxAgeSeconds: 60 } })
    const old = await finished(store)
    const running = await enqueueAndClaim(store)
    await store.addSpan(spanOf(running))
    const queued = await store.enqueueRollout({ input: 1 })
    await advance(40_000)
    const young = await store.enqueueRollout({ input: 2 })
    await store.updateRollout({ rolloutId: young.rollout_id, status: 'cancelled' })
    await advance(21_000)
    // The next write at the latest.
    await store.updateWorker({ workerId: 'w' })
    const ids = (await store.queryRollouts()).items.map((rollout) => rollout.rollout_id)
    expect(ids).toEqual([running.rollout_id, queued.rollout_id, young.rollout_id])
    expect(await store.getRolloutById({ rolloutId: old.rollout_id })).toBeNull()
    expect(await store.statistics()).toMatchObject({ total_rollouts: 3, total_attempts: 1, total_spans: 1 })
    await advance(3_600_000)
    await store.updateWorker({ workerId: 'w' })
    expect((await store.queryRollouts()).total).toBe(2)
  })

  check('RETENTION-02', 'of too many finished rollouts the first to end go first', async () => {
    const { store } = await open({ retention: { maxRollouts: 2 } })
    const running = await enqueueAndClaim(store)
    await store.enqueueManyRollouts({ rollouts: ['a', 'b', 'c', 'd'].map((id) => ({ input: 1, rollout_id: id })) })
    for (const [index, rolloutId] of ['c', 'a', 'd', 'b'].entries()) {
      await store.updateRollout({ rolloutId, status: 'succeeded' })
      await store.updateWorker({ workerId: 'w' })
      expect((await store.queryRollouts({ statusIn: ['succeeded'] })).total).toBe(Math.min(index + 1, 2))
    }
    const ids = (await store.queryRollouts()).items.map((rollout) => rollout.rollout_id)
    expect(ids).toEqual([running.rollout_id, 'b', 'd'])
  })

  check('RETENTION-03', 'bytes stay below their bound, and what went is told from what never was', async () => {
    const maxBytes = 300_000
    const { store } = await open({ retention: { maxBytes } })
    const all: AttemptedRollout[] = []
    for (let count = 0; count < 30; count++) {
      all.push(await finished(store))
      const { total_span_bytes: bytes } = await store.statistics()
      if (bytes !== null) expect(bytes).toBeLessThanOrEqual(maxBytes)
    }
    // A store may pack what it keeps, by a quarter or so; four times the bound it cannot keep.
    const kept: AttemptedRollout[] = []
    for (const rollout of all) if (await hasSpans(store, rollout)) kept.push(rollout)
    expect(kept.length * 10 * noise.length).toBeLessThan(2 * maxBytes)
    // The first to end are the first to go.
    expect(kept).toEqual(all.slice(-kept.length))
    expect((await store.querySpans({ rolloutId: all.at(-1)!.rollout_id })).total).toBe(10)
    const first = { rolloutId: all[0]!.rollout_id }
    expect(await store.getRolloutById(first)).toMatchObject({ status: 'succeeded' })
    await expect(store.querySpans(first)).rejects.toMatchObject({ code: 'gone' })
    expect((await store.querySpans({ rolloutId: 'never' })).total).toBe(0)
  })

  check('RETENTION-03', 'where there are no spans to drop the records that ended first go', async () => {
    const maxBytes = 300_000
    const { store } = await open({ retention: { maxBytes } })
    const ids = Array.from({ length: 60 }, (_, index) => `r${index}`)
    const input = noiseOf(20_000)
    for (const rolloutId of ids) {
      await store.enqueueRollout({ input, rollout_id: rolloutId })
      await store.updateRollout({ rolloutId, status: 'succeeded' })
    }
    const kept = (await store.queryRollouts()).items.map((rollout) => rollout.rollout_id)
    expect(kept.length * input.length).toBeLessThan(2 * maxBytes)
    expect(kept.length).toBeGreaterThan(5)
    expect(kept).toEqual(ids.slice(-kept.length))
    expect((await store.statistics()).total_rollouts).toBe(kept.length)
    expect(await store.getRolloutById({ rolloutId: 'r0' })).toBeNull()
  })

  check('RETENTION-04', 'running work is never touched, however old it is', async () => {
    const { store } = await open({ retention: { maxBytes: 300_000, maxRollouts: 3, maxAgeSeconds: 60 } })
    const running = await enqueueAndClaim(store)
    const spans = await store.addManySpans({ spans: Array.from({ length: 10 }, () => bigSpan(running)) })
    for (let count = 0; count < 20; count++) await finished(store)
    expect((await store.querySpans({ rolloutId: running.rollout_id })).items).toEqual(spans)
    expect(await statusOf(store, running.rollout_id)).toBe('running')
    // What was reopened is running work again.
    const reopened = await finished(store)
    await store.updateRollout({ rolloutId: reopened.rollout_id, status: 'queuing' })
    for (let count = 0; count < 20; count++) {
      const started = await store.startRollout({ rollout: { input: count } })
      await store.addManySpans({ spans: Array.from({ length: 10 }, () => bigSpan(started)) })
      await store.updateAttempt({ ...keyOf(started), status: 'succeeded' })
    }
    expect((await store.querySpans({ rolloutId: reopened.rollout_id })).total).toBe(10)
  })

  check('RETENTION-05', 'when running work alone fills the store, writes are refused whole until there is room', async () => {
    const { store } = await open({ retention: { maxBytes: 300_000 } })
    const full = { code: 'storage_full', isRetryable: true }
    const running = await enqueueAndClaim(store, {}, { workerId: 'w' })
    const fill = async (): Promise<void> => {
      for (let count = 0; count < 200; count++) await store.addSpan(bigSpan(running))
    }
    await expect(fill()).rejects.toMatchObject(full)
    const before = (await store.querySpans({ rolloutId: running.rollout_id })).total
    expect(before).toBeGreaterThan(20)
    const many = Array.from({ length: 50 }, () => bigSpan(running))
    await expect(store.addManySpans({ spans: many })).rejects.toMatchObject(full)
    expect((await store.querySpans({ rolloutId: running.rollout_id })).total).toBe(before)
    const rollouts = Array.from({ length: 50 }, () => ({ input: 'x'.repeat(20_000) }))
    await expect(store.enqueueManyRollouts({ rollouts })).rejects.toMatchObject(full)
    expect((await store.queryRollouts()).total).toBe(1)
    // Ending work is what makes room: reports are never refused.
    await store.heartbeat({ workerId: 'w', attempts: [keyOf(running)] })
    await store.updateAttempt({ ...keyOf(running), status: 'succeeded' })
    const next = await enqueueAndClaim(store)
    expect(await store.addManySpans({ spans: many.map((span) => ({ ...span, ...idsOf(next) })) })).toHaveLength(50)
  })

  check('RETENTION-06', 'what goes is told to who watches', async () => {
    const { store, stateOf } = await open({ retention: { maxRollouts: 1 } })
    const watcher = watcherOf(store)
    await stateOf(watcher.pending)
    await store.enqueueManyRollouts({ rollouts: ['a', 'b'].map((id) => ({ input: 1, rollout_id: id })) })
    for (const rolloutId of ['a', 'b']) await store.updateRollout({ rolloutId, status: 'succeeded' })
    await store.updateWorker({ workerId: 'w' })
    const events = await watcher.until((event) => event.type === 'rollout_deleted')
    expect(events.at(-1)).toMatchObject({ rollout_id: 'a' })
  })

  check('RETENTION-07', 'old versions go unless somebody needs them, and their numbers are not given again', async () => {
    const { store } = await open({ retention: { maxResourcesVersions: 2 } })
    const resourcesId = 'policy'
    const change = (): Promise<unknown> => store.updateResources({ resourcesId, resources: promptOf('x'.repeat(5000)) })
    const versions = async (): Promise<readonly number[]> =>
      (await store.queryResourcesVersions({ resourcesId })).items.map((item) => item.version)
    await change()
    await store.setResourcesAlias({ alias: 'stable', resourcesId, version: 1 })
    await change()
    const pinned = await store.enqueueRollout({ input: 1, resources_id: resourcesId })
    for (let count = 0; count < 4; count++) await change()
    expect(await versions()).toEqual([1, 2, 5, 6])
    await store.updateRollout({ rolloutId: pinned.rollout_id, status: 'succeeded' })
    await store.setResourcesAlias({ alias: 'stable', resourcesId, version: 6 })
    const bytes = async (): Promise<number | null> => (await store.statistics()).total_resources_bytes
    const before = await bytes()
    await change()
    if (before !== null) expect(await bytes()).toBeLessThan(before)
    expect(await versions()).toEqual([6, 7])
    expect(await store.getResourcesById({ resourcesId, version: 1 })).toBeNull()
    await store.updateManyResources({ updates: Array.from({ length: 5 }, () => ({ resourcesId, resources: {} })) })
    expect(await versions()).toEqual([6, 11, 12])
    expect(await store.getLatestResources()).toMatchObject({ resources_id: resourcesId, version: 12 })
  })

  check('RETENTION-08', 'ids that nobody needs go, the one changed longest ago first', async () => {
    const { store, advance } = await open({ retention: { maxResources: 3 } })
    const ids = async (): Promise<readonly string[]> => (await store.queryResources()).items.map((item) => item.resources_id)
    const change = async (resourcesId: string): Promise<void> => {
      await advance(1000)
      await store.updateResources({ resourcesId, resources: promptOf(resourcesId) })
    }
    for (const id of ['old', 'aliased', 'pinned', 'old', 'other']) await change(id)
    expect(await ids()).toEqual(['old', 'pinned', 'other'])
    await change('aliased')
    expect(await ids()).toEqual(['old', 'aliased', 'other'])
    await change('pinned')
    expect(await ids()).toEqual(['aliased', 'pinned', 'other'])
    await store.setResourcesAlias({ alias: 'stable', resourcesId: 'aliased', version: 2 })
    const rollout = await store.enqueueRollout({ input: 1, resources_id: 'pinned' })
    for (const id of ['next', 'last']) await change(id)
    expect(await ids()).toEqual(['aliased', 'pinned', 'last'])
    expect((await store.statistics()).total_resources).toBe(3)
    await store.updateRollout({ rolloutId: rollout.rollout_id, status: 'cancelled' })
    await change('end')
    expect(await ids()).toEqual(['aliased', 'last', 'end'])
    await store.updateResources({ resourcesId: 'pinned', resources: {} })
    expect((await store.getLatestResources())?.version).toBe(3)
  })

  check('RETENTION-09', 'workers that are gone are forgotten', async () => {
    const { store, advance } = await open({ retention: { maxWorkerAgeSeconds: 60 } })
    const ids = async (): Promise<readonly string[]> => {
      // The next write at the latest.
      await store.updateRollout({ rolloutId, mode: 'train' })
      return (await store.queryWorkers()).items.map((item) => item.worker_id)
    }
    const { rollout_id: rolloutId } = await enqueueAndClaim(store, {}, { workerId: 'busy' })
    await store.updateWorker({ workerId: 'gone', heartbeatStats: { load: 1 } })
    await store.updateWorker({ workerId: 'beating' })
    await advance(40_000)
    await store.updateWorker({ workerId: 'beating' })
    await store.dequeueRollout({ workerId: 'asking' })
    expect(await ids()).toEqual(['busy', 'gone', 'beating', 'asking'])
    await advance(21_000)
    expect(await ids()).toEqual(['busy', 'beating', 'asking'])
    expect((await store.statistics()).total_workers).toBe(3)
    await advance(61_000)
    expect(await ids()).toEqual(['busy'])
    await store.updateWorker({ workerId: 'gone' })
    expect(await store.getWorkerById({ workerId: 'gone' })).toMatchObject({ heartbeat_stats: null })
    await store.updateAttempt({ rolloutId, attemptId: 'latest', status: 'succeeded' })
    await advance(122_000)
    expect(await ids()).toEqual([])
  })
}

async function hasSpans(store: LightningStore, { rollout_id: rolloutId }: AttemptedRollout): Promise<boolean> {
  try {
    return (await store.querySpans({ rolloutId, limit: 0 })).total > 0
  } catch (error) {
    if (AglError.isInstance(error, 'gone')) return false
    throw error
  }
}

function idsOf(claimed: AttemptedRollout): { readonly rollout_id: string; readonly attempt_id: string } {
  return { rollout_id: claimed.rollout_id, attempt_id: claimed.attempt.attempt_id }
}
