import { expect } from 'vitest'
import { promptOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeAliases({ check, open }: Suite): void {
  const resourcesId = 'mine'
  const version = (number: number): { readonly resourcesId: string; readonly version: number } => ({
    resourcesId,
    version: number,
  })

  check('ALIAS-01', 'points to one version until it is moved, whatever is stored meanwhile', async () => {
    const { store } = await open()
    const first = await store.updateResources({ resourcesId, resources: promptOf('a') })
    const alias = await store.setResourcesAlias({ alias: 'stable', ...version(1) })
    expect(alias).toEqual({ alias: 'stable', resources_id: resourcesId, version: 1, update_time: expect.any(Number) })
    const second = await store.updateResources({ resourcesId, resources: promptOf('b') })
    expect(await store.getResourcesByAlias({ alias: 'stable' })).toEqual(first)
    const moved = await store.setResourcesAlias({ alias: 'stable', ...version(2) })
    expect(moved.update_time).toBeGreaterThan(alias.update_time)
    expect(await store.getResourcesByAlias({ alias: 'stable' })).toEqual(second)
    expect(await store.setResourcesAlias({ alias: 'stable', ...version(1) })).toMatchObject({ version: 1 })
    expect(await store.getResourcesByAlias({ alias: 'stable' })).toEqual(first)
    expect(await store.getResourcesByAlias({ alias: 'unknown' })).toBeNull()
  })

  check('ALIAS-02', 'points only to what is there', async () => {
    const { store } = await open()
    await store.updateResources({ resourcesId, resources: {} })
    const missing = { code: 'not_found' }
    await expect(store.setResourcesAlias({ alias: 'stable', ...version(2) })).rejects.toMatchObject(missing)
    const unknown = { alias: 'stable', resourcesId: 'unknown', version: 1 }
    await expect(store.setResourcesAlias(unknown)).rejects.toMatchObject(missing)
    expect((await store.queryResourcesAliases()).total).toBe(0)
  })

  check('ALIAS-03', 'compare and set: with an expectation only who knows where it points moves it', async () => {
    const { store } = await open()
    for (let number = 1; number <= 3; number++) await store.updateResources({ resourcesId, resources: {} })
    const set = (number: number, expected: number | null) =>
      store.setResourcesAlias({
        alias: 'stable',
        ...version(number),
        expected: expected === null ? null : version(expected),
      })
    await expect(set(1, 2)).rejects.toMatchObject({ code: 'conflict' })
    expect(await set(1, null)).toMatchObject({ version: 1 })
    await expect(set(2, null)).rejects.toMatchObject({ code: 'conflict' })
    await expect(set(2, 3)).rejects.toMatchObject({ code: 'conflict' })
    expect(await store.getResourcesByAlias({ alias: 'stable' })).toMatchObject({ version: 1 })
    expect(await set(2, 1)).toMatchObject({ version: 2 })
    const racing = await Promise.allSettled([set(1, 2), set(3, 2), set(1, 2), set(3, 2)])
    const winners = racing.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.version] : []))
    const target = await store.getResourcesByAlias({ alias: 'stable' })
    expect(new Set(winners)).toEqual(new Set([target?.version]))
  })

  check('ALIAS-04', 'are listed and deleted', async () => {
    const { store } = await open()
    for (let number = 1; number <= 2; number++) await store.updateResources({ resourcesId, resources: {} })
    await store.setResourcesAlias({ alias: 'stable', ...version(1) })
    await store.setResourcesAlias({ alias: 'candidate', ...version(2) })
    const names = async (query: object): Promise<readonly string[]> =>
      (await store.queryResourcesAliases(query)).items.map((item) => item.alias)
    expect(await names({})).toEqual(['stable', 'candidate'])
    expect(await names({ sortBy: 'alias' })).toEqual(['candidate', 'stable'])
    expect(await names({ sortBy: 'version', sortOrder: 'desc', limit: 1 })).toEqual(['candidate'])
    expect(await store.queryResourcesAliases({ limit: 1, offset: 1 })).toMatchObject({ limit: 1, offset: 1, total: 2 })
    expect(await store.deleteResourcesAlias({ alias: 'stable' })).toBe(true)
    expect(await store.deleteResourcesAlias({ alias: 'stable' })).toBe(false)
    expect(await store.getResourcesByAlias({ alias: 'stable' })).toBeNull()
    expect(await names({})).toEqual(['candidate'])
  })

  check('ALIAS-05', 'keep what they point to from being deleted', async () => {
    const { store } = await open()
    for (let number = 1; number <= 2; number++) await store.updateResources({ resourcesId, resources: {} })
    await store.setResourcesAlias({ alias: 'stable', ...version(1) })
    await expect(store.deleteResources({ resourcesId, version: 1 })).rejects.toMatchObject({ code: 'conflict' })
    await expect(store.deleteResources({ resourcesId })).rejects.toMatchObject({ code: 'conflict' })
    expect((await store.queryResourcesVersions({ resourcesId })).total).toBe(2)
    await store.deleteResourcesAlias({ alias: 'stable' })
    expect(await store.deleteResources({ resourcesId })).toEqual([1, 2])
  })
}
