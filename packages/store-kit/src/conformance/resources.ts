import type { NamedResources } from '@agl/types'
import { expect } from 'vitest'
import { promptOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeResources({ check, open }: Suite): void {
  check('RESOURCES-01', 'each change is a new version; older ones stay', async () => {
    const { store } = await open()
    expect(await store.getLatestResources()).toBeNull()
    const first = await store.addResources({ resources: promptOf('a') })
    expect(first).toMatchObject({ version: 1, resources: promptOf('a') })
    expect(first.resources_id).toMatch(/^rs-[0-9a-z]{12}$/)
    expect(first.create_time).toBe(first.update_time)
    const resourcesId = first.resources_id
    const second = await store.updateResources({ resourcesId, resources: promptOf('b') })
    expect(second).toMatchObject({
      resources_id: resourcesId,
      version: 2,
      create_time: first.create_time,
      resources: promptOf('b'),
    })
    expect(second.update_time).toBeGreaterThan(first.update_time)
    expect(await store.getResourcesById({ resourcesId })).toEqual(second)
    expect(await store.getResourcesById({ resourcesId, version: 1 })).toEqual(first)
    expect(await store.getResourcesById({ resourcesId, version: 3 })).toBeNull()
    expect(await store.getResourcesById({ resourcesId: 'x' })).toBeNull()
  })

  check('RESOURCES-06', 'what callers do to their objects changes no version', async () => {
    const { store } = await open()
    const stop = ['a']
    const llm = { resource_type: 'llm', endpoint: 'http://e', model: 'm', api_key: null, sampling_parameters: { stop } } as const
    const { resources_id: resourcesId } = await store.addResources({ resources: { llm } })
    const change = async (list: string[]): Promise<void> => {
      try {
        list.push('b')
      } catch {
        // A store may freeze what it answers.
      }
    }
    const stopOf = async (): Promise<string[]> => {
      const update = await store.getResourcesById({ resourcesId })
      return (update!.resources['llm'] as unknown as { sampling_parameters: { stop: string[] } }).sampling_parameters.stop
    }
    await change(stop)
    await change(await stopOf())
    expect(await stopOf()).toEqual(['a'])
  })

  check('RESOURCES-02', 'the latest is what was added or updated last; an unknown id is created', async () => {
    const { store } = await open()
    const first = await store.addResources({ resources: promptOf('a') })
    await store.addResources({ resources: {} })
    const third = await store.updateResources({ resourcesId: 'mine', resources: promptOf('c') })
    expect(third).toMatchObject({ resources_id: 'mine', version: 1 })
    expect(await store.getLatestResources()).toEqual(third)
    const again = await store.updateResources({ resourcesId: first.resources_id, resources: promptOf('d') })
    expect(await store.getLatestResources()).toEqual(again)
  })

  check('RESOURCES-03', 'a rollout pins id and version', async () => {
    const { store } = await open()
    const { resources_id: resourcesId } = await store.addResources({ resources: promptOf('a') })
    const inherited = await store.enqueueRollout({ input: 1 })
    await store.updateResources({ resourcesId, resources: promptOf('b') })
    const newer = await store.enqueueRollout({ input: 1, resources_id: resourcesId })
    const chosen = await store.enqueueRollout({ input: 1, resources_id: resourcesId, resources_version: 1 })
    const unknown = await store.enqueueRollout({ input: 1, resources_id: 'rs-missing' })
    const pins = [inherited, newer, chosen, unknown].map((rollout) => [rollout.resources_id, rollout.resources_version])
    expect(pins).toEqual([
      [resourcesId, 1],
      [resourcesId, 2],
      [resourcesId, 1],
      ['rs-missing', null],
    ])
    const moved = await store.updateRollout({ rolloutId: unknown.rollout_id, resourcesId })
    expect(moved).toMatchObject({ resources_id: resourcesId, resources_version: 2 })
    const rollout = { input: 1, resources_id: 'rs-missing' }
    const unpinned = { resources_id: 'rs-missing', resources_version: null }
    expect(await store.startRollout({ rollout })).toMatchObject(unpinned)
    expect(await store.enqueueManyRollouts({ rollouts: [rollout] })).toMatchObject([unpinned])
    const versionAlone = { input: 1, resources_version: 1 }
    const refused = { code: 'invalid_argument' }
    await expect(store.enqueueRollout(versionAlone)).rejects.toMatchObject(refused)
    await expect(store.startRollout({ rollout: versionAlone })).rejects.toMatchObject(refused)
    await expect(store.enqueueManyRollouts({ rollouts: [versionAlone] })).rejects.toMatchObject(refused)
  })

  check('RESOURCES-04', 'custom kinds are kept as they are; what is no resource is refused', async () => {
    const { store } = await open()
    const resources: NamedResources = { knob: { resource_type: 'custom:knob', turn: 3 } }
    expect((await store.addResources({ resources })).resources).toEqual(resources)
    const invalid = { x: { resource_type: 'llm' } } as unknown as NamedResources
    await expect(store.addResources({ resources: invalid })).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  check('RESOURCES-05', 'queries answer the newest version of each id', async () => {
    const { store } = await open()
    for (const resourcesId of ['one', 'two', 'one']) await store.updateResources({ resourcesId, resources: {} })
    const all = await store.queryResources()
    expect(all.items.map((item) => [item.resources_id, item.version])).toEqual([
      ['one', 2],
      ['two', 1],
    ])
    expect((await store.queryResources({ resourcesIdContains: 'w' })).items).toHaveLength(1)
    expect((await store.queryResources({ resourcesIdContains: 'W' })).total).toBe(0)
    expect((await store.queryResources({ resourcesIdContains: '' })).total).toBe(2)
    expect((await store.queryResources({ resourcesId: 'one', resourcesIdContains: 'w' })).total).toBe(0)
    expect((await store.queryResources({ sortBy: 'version', sortOrder: 'desc', limit: 1 })).items).toMatchObject([
      { resources_id: 'one' },
    ])
  })
}
