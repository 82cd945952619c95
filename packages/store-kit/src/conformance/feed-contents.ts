import { expect } from 'vitest'
import { enqueueAndClaim, keyOf, promptOf } from './fixtures.ts'
import type { Suite } from './harness.ts'
import { watcherOf } from './watcher.ts'

/** What is told and what is not; how the feed is read is in feed.ts. */
export function describeFeedContents({ check, open, has }: Suite): void {
  check('FEED-09', 'new versions of resources are told without what they hold', async () => {
    const { store, stateOf } = await open()
    const watcher = watcherOf(store)
    await stateOf(watcher.pending)
    const { resources: _, ...first } = await store.addResources({ resources: promptOf('a') })
    await store.updateResources({ resourcesId: first.resources_id, resources: promptOf('b') })
    await store.updateManyResources({ updates: [{ resourcesId: 'mine', resources: {} }] })
    const events = await watcher.take(3)
    expect(events[0]).toEqual({ type: 'resources', resources: first, cursor: expect.any(String), time: expect.any(Number) })
    expect(events.slice(1)).toMatchObject([
      { type: 'resources', resources: { resources_id: first.resources_id, version: 2 } },
      { type: 'resources', resources: { resources_id: 'mine', version: 1 } },
    ])
    expect(events[1]).not.toHaveProperty('resources.resources')
  })

  check('FEED-10', 'aliases that are set, moved and deleted are told', async () => {
    const { store, stateOf } = await open()
    for (let number = 1; number <= 2; number++) await store.updateResources({ resourcesId: 'mine', resources: {} })
    const watcher = watcherOf(store)
    await stateOf(watcher.pending)
    const set = await store.setResourcesAlias({ alias: 'stable', resourcesId: 'mine', version: 1 })
    const moved = await store.setResourcesAlias({ alias: 'stable', resourcesId: 'mine', version: 2 })
    await store.deleteResourcesAlias({ alias: 'stable' })
    await store.deleteResourcesAlias({ alias: 'stable' })
    await store.enqueueRollout({ input: 'marker' })
    expect(await watcher.take(4)).toMatchObject([
      { type: 'resources_alias', alias: 'stable', target: set },
      { type: 'resources_alias', alias: 'stable', target: moved },
      { type: 'resources_alias', alias: 'stable', target: null },
      { type: 'rollout' },
    ])
  })

  check('FEED-11', 'what is deleted is told', async () => {
    const { store, stateOf } = await open()
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    await store.updateRollout({ rolloutId, status: 'cancelled' })
    for (let number = 1; number <= 2; number++) await store.updateResources({ resourcesId: 'mine', resources: {} })
    const watcher = watcherOf(store)
    await stateOf(watcher.pending)
    await store.deleteRollouts({ rolloutIds: [rolloutId] })
    await store.deleteResources({ resourcesId: 'mine' })
    expect(await watcher.take(3)).toMatchObject([
      { type: 'rollout_deleted', rollout_id: rolloutId },
      { type: 'resources_deleted', resources_id: 'mine', version: 1 },
      { type: 'resources_deleted', resources_id: 'mine', version: 2 },
    ])
  })

  check('FEED-12', 'what changes nothing is not told', async () => {
    const { store, stateOf } = await open()
    const done = await enqueueAndClaim(store)
    await store.updateAttempt({ ...keyOf(done), status: 'succeeded' })
    const watcher = watcherOf(store)
    await stateOf(watcher.pending)
    await store.cancelRollouts({ rolloutIds: [done.rollout_id] })
    await store.updateRollout({ rolloutId: done.rollout_id, status: 'succeeded' })
    await store.dequeueRollout({ workerId: 'w' })
    await store.enqueueRollout({ input: 'marker' })
    expect(await watcher.take(1)).toMatchObject([{ type: 'rollout', rollout: { input: 'marker' } }])
  })

  check('FEED-12', 'a write of what is there already is not told', async () => {
    const { store, stateOf } = await open()
    const config = { max_attempts: 2, retry_condition: ['failed' as const] }
    const claimed = await enqueueAndClaim(store, { input: { a: [1] }, metadata: { b: { c: 2 } }, config })
    const { rollout_id: rolloutId } = claimed
    await store.updateAttempt({ ...keyOf(claimed), metadata: { d: [3] } })
    await store.updateResources({ resourcesId: 'mine', resources: {} })
    const alias = { alias: 'stable', resourcesId: 'mine', version: 1 }
    if (has('aliases')) await store.setResourcesAlias(alias)
    const watcher = watcherOf(store)
    await stateOf(watcher.pending)
    await store.updateAttempt({ ...keyOf(claimed), metadata: { d: [3] } })
    await store.updateRollout({ rolloutId, input: { a: [1] } })
    await store.updateRollout({ rolloutId, metadata: { b: { c: 2 } } })
    await store.updateRollout({ rolloutId, config: { ...claimed.config } })
    if (has('aliases')) await store.setResourcesAlias(alias)
    await store.enqueueRollout({ input: 'marker' })
    const events = await watcher.until((event) => event.type === 'rollout' && event.rollout.input === 'marker')
    expect(events.slice(0, -1)).toEqual([])
  })

  check('FEED-14', 'what a snapshot brings is told, as of now', async () => {
    const { store } = await open()
    const { resources_id: resourcesId } = await store.addResources({ resources: promptOf('a') })
    const alias = 'stable'
    if (has('aliases')) await store.setResourcesAlias({ alias, resourcesId, version: 1 })
    const claimed = await enqueueAndClaim(store)
    const { store: copy, advance, stateOf } = await open()
    await advance(3_600_000)
    const watcher = watcherOf(copy)
    await stateOf(watcher.pending)
    await copy.importSnapshot({ lines: store.exportSnapshot() })
    const events = await watcher.take(has('aliases') ? 4 : 3)
    expect(events).toMatchObject([
      { type: 'resources', resources: { resources_id: resourcesId, version: 1 } },
      ...(has('aliases') ? [{ type: 'resources_alias', alias, target: { resources_id: resourcesId, version: 1 } }] : []),
      { type: 'rollout', rollout: { rollout_id: claimed.rollout_id, start_time: claimed.start_time } },
      { type: 'attempt', attempt: claimed.attempt },
    ])
    for (const { time } of events) expect(time - claimed.start_time).toBeGreaterThan(3500)
    await copy.enqueueRollout({ input: 'marker' })
    expect(await watcher.take(1)).toMatchObject([{ type: 'rollout', rollout: { input: 'marker' } }])
  })
}
