import { AglError, type LightningStore, type NamedResources, type ResourcesUpdate } from '@agl/types'
import { expect } from 'vitest'
import { promptOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeResourceVersions({ check, open }: Suite): void {
  check('VERSION-01', 'the history of an id, in order, sorted and in pages', async () => {
    const { store } = await open()
    const resourcesId = 'mine'
    for (const text of ['a', 'b', 'c']) await store.updateResources({ resourcesId, resources: promptOf(text) })
    await store.addResources({ resources: promptOf('elsewhere') })
    const history = await store.queryResourcesVersions({ resourcesId })
    expect(history.items.map((item) => [item.version, item.resources])).toEqual([
      [1, promptOf('a')],
      [2, promptOf('b')],
      [3, promptOf('c')],
    ])
    expect(history).toMatchObject({ limit: -1, offset: 0, total: 3 })
    const page = await store.queryResourcesVersions({ resourcesId, sortBy: 'version', sortOrder: 'desc', limit: 1, offset: 1 })
    expect(page).toMatchObject({ items: [{ version: 2 }], limit: 1, offset: 1, total: 3 })
    expect(await store.queryResourcesVersions({ resourcesId: 'unknown' })).toMatchObject({ items: [], total: 0 })
  })

  check('VERSION-02', 'compare and set: only who knows the newest version changes it', async () => {
    const { store } = await open()
    const resourcesId = 'mine'
    const conflict = { code: 'conflict' }
    const resources = promptOf('a')
    const unknown = store.updateResources({ resourcesId, resources, expectedVersion: 1 })
    await expect(unknown).rejects.toMatchObject(conflict)
    expect(await store.getLatestResources()).toBeNull()
    expect(await store.updateResources({ resourcesId, resources, expectedVersion: 0 })).toMatchObject({ version: 1 })
    await expect(store.updateResources({ resourcesId, resources, expectedVersion: 0 })).rejects.toMatchObject(conflict)
    expect(await store.updateResources({ resourcesId, resources, expectedVersion: 1 })).toMatchObject({ version: 2 })
    await expect(store.updateResources({ resourcesId, resources, expectedVersion: 1 })).rejects.toMatchObject(conflict)
    expect(await store.updateResources({ resourcesId, resources })).toMatchObject({ version: 3 })
  })

  check('VERSION-03', 'of those who race with the same expectation one wins', async () => {
    const { store, second } = await open()
    const other = await second()
    await store.updateResources({ resourcesId: 'mine', resources: {} })
    const racing = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? store : other).updateResources({ resourcesId: 'mine', resources: {}, expectedVersion: 1 }),
    )
    const outcomes = await Promise.allSettled(racing)
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
    expect((await store.queryResourcesVersions({ resourcesId: 'mine' })).total).toBe(2)
  })

  check('VERSION-08', 'all who read, change and try again after a conflict land, each on top of the others', async () => {
    const { store, second } = await open()
    const handles = [store, await second()]
    const resourcesId = 'mine'
    const resourcesOf = (names: readonly string[]): NamedResources => ({ list: { resource_type: 'custom:list', names } })
    await store.updateResources({ resourcesId, resources: resourcesOf([]) })
    const namesOf = ({ resources }: ResourcesUpdate): readonly string[] =>
      (resources['list'] as unknown as { readonly names: readonly string[] }).names
    const addName = async (handle: LightningStore, name: string): Promise<void> => {
      for (;;) {
        const newest = (await handle.getResourcesById({ resourcesId }))!
        const change = { resourcesId, resources: resourcesOf([...namesOf(newest), name]), expectedVersion: newest.version }
        try {
          await handle.updateResources(change)
          return
        } catch (error) {
          if (!AglError.isInstance(error, 'conflict')) throw error
        }
      }
    }
    const names = Array.from({ length: 10 }, (_, index) => `n${index}`)
    await Promise.all(names.map((name, index) => addName(handles[index % 2]!, name)))
    const last = (await store.getResourcesById({ resourcesId }))!
    expect(last.version).toBe(names.length + 1)
    expect(namesOf(last).toSorted()).toEqual(names)
  })

  check('VERSION-04', 'several changes at once, in order; the last becomes the latest', async () => {
    const { store } = await open()
    const changes = ['one', 'two', 'one'].map((resourcesId, index) => ({ resourcesId, resources: promptOf(`${index}`) }))
    const stored = await store.updateManyResources({ updates: changes })
    expect(stored.map((item) => [item.resources_id, item.version, item.resources])).toEqual([
      ['one', 1, promptOf('0')],
      ['two', 1, promptOf('1')],
      ['one', 2, promptOf('2')],
    ])
    expect(await store.getLatestResources()).toEqual(stored[2])
    expect(await store.updateManyResources({ updates: [] })).toEqual([])
    const chained = [1, 2].map(() => ({ resourcesId: 'two', resources: {} }))
    const withExpectations = chained.map((change, index) => ({ ...change, expectedVersion: index + 1 }))
    expect(await store.updateManyResources({ updates: withExpectations })).toMatchObject([{ version: 2 }, { version: 3 }])
  })

  check('VERSION-05', 'several changes: none is made when one conflicts or is invalid', async () => {
    const { store } = await open()
    const before = await store.updateResources({ resourcesId: 'one', resources: {} })
    const good = { resourcesId: 'new', resources: {} }
    const conflicting = { resourcesId: 'one', resources: {}, expectedVersion: 7 }
    const invalid = { resourcesId: 'one', resources: { x: { resource_type: 'llm' } } as unknown as NamedResources }
    const updateMany = store.updateManyResources({ updates: [good, conflicting] })
    await expect(updateMany).rejects.toMatchObject({ code: 'conflict' })
    const refused = store.updateManyResources({ updates: [good, invalid] })
    await expect(refused).rejects.toMatchObject({ code: 'invalid_argument' })
    expect((await store.queryResources()).items).toEqual([before])
    expect(await store.getLatestResources()).toEqual(before)
  })

  check('VERSION-06', 'a version never changes, not even through the object that was given or answered', async () => {
    const { store } = await open()
    const resources = { knob: { resource_type: 'custom:knob' as const, turn: 3 } }
    const stored = await store.addResources({ resources })
    try {
      Object.assign(stored, { version: 9 })
      Object.assign(stored.resources, { other: {} })
    } catch {
      // A store may freeze what it answers.
    }
    const read = await store.getResourcesById({ resourcesId: stored.resources_id })
    expect(read).toMatchObject({ version: 1, resources: { knob: { turn: 3 } } })
    expect(Object.keys(read!.resources)).toEqual(['knob'])
  })

  check('VERSION-07', 'a large snapshot is held compressed and comes back as it was', async () => {
    const { store } = await open()
    const template = Array.from({ length: 20_000 }, (_, index) => `line ${index} “ü” `).join('')
    const { resources_id: resourcesId } = await store.addResources({ resources: promptOf(template) })
    const { total_resources_bytes: bytes } = await store.statistics()
    if (bytes !== null) expect(bytes).toBeLessThan(template.length / 3)
    expect((await store.getResourcesById({ resourcesId }))?.resources).toEqual(promptOf(template))
    expect((await store.queryResourcesVersions({ resourcesId })).items[0]?.resources).toEqual(promptOf(template))
    expect((await store.getLatestResources())?.resources).toEqual(promptOf(template))
  })
}
