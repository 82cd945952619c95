import { createHash } from 'node:crypto'
import type { NamedResources, ResourcesUpdate } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { createResourcesCache, type ResourcesLoad } from './resources-cache.ts'
import { packResources, unpackResources } from './resources-packing.ts'
import { checkResourcesDeletion, moveResourcesAlias, nextResourcesVersion } from './resources.ts'

const promptOf = (template: string): NamedResources => ({
  prompt: { resource_type: 'prompt_template', template, engine: 'jinja' },
})

describe('versions of resources', () => {
  const change = { resourcesId: 'mine', resources: {} }

  test('numbers go up and are never given again', () => {
    expect(nextResourcesVersion(undefined, change, 5)).toMatchObject({ version: 1, create_time: 5, update_time: 5 })
    const history = { lastVersion: 3, createTime: 1, newestVersion: 2 }
    expect(nextResourcesVersion(history, change, 5)).toMatchObject({ version: 4, create_time: 1, update_time: 5 })
    const deleted = { lastVersion: 3, createTime: null, newestVersion: null }
    expect(nextResourcesVersion(deleted, change, 5)).toMatchObject({ version: 4, create_time: 5 })
  })

  test('compare and set', () => {
    const history = { lastVersion: 3, createTime: 1, newestVersion: 3 }
    expect(nextResourcesVersion(history, { ...change, expectedVersion: 3 }, 5).version).toBe(4)
    expect(nextResourcesVersion(undefined, { ...change, expectedVersion: 0 }, 5).version).toBe(1)
    for (const expectedVersion of [0, 2, 4]) {
      const attempt = (): ResourcesUpdate => nextResourcesVersion(history, { ...change, expectedVersion }, 5)
      expect(attempt).toThrow(expect.objectContaining({ code: 'conflict' }))
    }
    expect(() => nextResourcesVersion(undefined, { ...change, expectedVersion: 1 }, 5)).toThrow('found no version')
  })

  test('aliases: known versions only, compare and set, and the same place twice', () => {
    const at = (version: number) => ({ alias: 'stable', resourcesId: 'mine', version })
    const first = moveResourcesAlias(undefined, { ...at(1), expected: null }, true, 5)
    expect(first).toEqual({ alias: 'stable', resources_id: 'mine', version: 1, update_time: 5 })
    expect(() => moveResourcesAlias(first, at(9), false, 6)).toThrow(expect.objectContaining({ code: 'not_found' }))
    const second = moveResourcesAlias(first, { ...at(2), expected: at(1) }, true, 6)
    expect(second.version).toBe(2)
    expect(moveResourcesAlias(second, { ...at(2), expected: at(1) }, true, 7)).toBe(second)
    expect(() => moveResourcesAlias(second, { ...at(3), expected: at(1) }, true, 7)).toThrow('points to version 2')
    expect(() => moveResourcesAlias(second, { ...at(3), expected: null }, true, 7)).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    )
  })

  test('what is in use is not deleted', () => {
    const request = { resourcesId: 'mine', versions: [1, 2] }
    expect(() => checkResourcesDeletion(request, { aliases: [], pinned: 0 })).not.toThrow()
    expect(() => checkResourcesDeletion(request, { aliases: ['stable'], pinned: 2 })).toThrow(/stable.*2 rollouts/)
  })
})

describe('packed resources', () => {
  test('come back as they were, large ones compressed', () => {
    const small = promptOf('short 𝕏')
    const large = promptOf('a long prompt. '.repeat(10_000))
    expect(unpackResources(packResources(small))).toEqual(small)
    expect(packResources(small).encoding).toBe('json')
    const packed = packResources(large)
    expect(packed.encoding).toBe('deflate')
    expect(packed.data.length).toBeLessThan(packed.jsonBytes / 20)
    expect(unpackResources(packed)).toEqual(large)
  })
})

describe('resources cache', () => {
  // Text that does not repeat, so that sizes are what they seem.
  const text = (version: number): string => createHash('sha512').update(String(version)).digest('hex').repeat(8)
  const update = (version: number): ResourcesUpdate => ({
    resources_id: 'mine',
    version,
    create_time: 1,
    update_time: 1,
    resources: promptOf(text(version)),
  })
  function storeOf(versions: number) {
    let reads = 0
    const getResourcesById = async ({ version }: { readonly resourcesId: string; readonly version?: number | null }) => {
      reads++
      const wanted = version ?? versions
      return wanted <= versions ? update(wanted) : null
    }
    return { store: { getResourcesById }, reads: () => reads }
  }

  test('reads a version once, at the same time too, and tells of each read of the store', async () => {
    const { store, reads } = storeOf(3)
    const loads: ResourcesLoad[] = []
    const cache = createResourcesCache(store, { onLoad: (load) => loads.push(load) })
    const request = { resourcesId: 'mine', version: 1 }
    const [first, again] = await Promise.all([cache.get(request), cache.get(request)])
    expect(first).toEqual(update(1))
    expect(again).toBe(first)
    expect(await cache.get(request)).toBe(first)
    expect(reads()).toBe(1)
    expect(loads).toMatchObject([{ resourcesId: 'mine', version: 1, isFound: true }])
    expect(loads[0]!.bytes).toBeGreaterThan(1000)
    expect(loads[0]!.milliseconds).toBeGreaterThanOrEqual(0)
  })

  test('the newest version is asked for each time, and then known by its number', async () => {
    const { store, reads } = storeOf(3)
    const cache = createResourcesCache(store)
    for (let count = 0; count < 2; count++) expect((await cache.get({ resourcesId: 'mine' }))?.version).toBe(3)
    await cache.get({ resourcesId: 'mine', version: 3 })
    expect(reads()).toBe(2)
    for (let count = 0; count < 2; count++) expect(await cache.get({ resourcesId: 'mine', version: 9 })).toBeNull()
    expect(reads()).toBe(4)
  })

  test('is warmed, and drops what was used least recently', async () => {
    const { store, reads } = storeOf(3)
    const cache = createResourcesCache(store, { maxBytes: 2500 })
    const snapshots = [1, 2, 7].map((version) => ({ resourcesId: 'mine', version }))
    expect(await cache.warm(snapshots)).toBe(2)
    await cache.get({ resourcesId: 'mine', version: 1 })
    await cache.get({ resourcesId: 'mine', version: 3 })
    expect(reads()).toBe(4)
    await cache.get({ resourcesId: 'mine', version: 1 })
    expect(reads()).toBe(4)
    await cache.get({ resourcesId: 'mine', version: 2 })
    expect(reads()).toBe(5)
    expect(cache.statistics()).toMatchObject({ snapshots: 2, hits: 2, misses: 5 })
    expect(cache.statistics().bytes).toBeLessThanOrEqual(2500)
    expect(() => createResourcesCache(store, { max: 1 } as object)).toThrow('options of createResourcesCache')
  })
})
