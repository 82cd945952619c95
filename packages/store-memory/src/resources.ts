import { matchResources, pageOf, parseResources, sortFields } from '@agl/store-kit'
import type { LightningStore, NamedResources, Page, ResourcesQuery, ResourcesUpdate } from '@agl/types'
import type { MemoryState } from './state.ts'

export function addResources(state: MemoryState, resources: NamedResources): ResourcesUpdate {
  return storeVersion(state, state.ids.resourcesId(), resources)
}

/** The next version of an id, which becomes the latest resources. */
export function storeVersion(state: MemoryState, resourcesId: string, resources: NamedResources): ResourcesUpdate {
  const parsed = parseResources(resources, state.resourceKinds)
  const now = state.clock.now()
  const versions = state.resources.get(resourcesId) ?? []
  const update: ResourcesUpdate = Object.freeze({
    resources_id: resourcesId,
    create_time: versions[0]?.create_time ?? now,
    update_time: now,
    version: versions.length + 1,
    resources: parsed,
  })
  if (versions.length === 0) state.resources.set(resourcesId, versions)
  versions.push(update)
  state.latestResources = update
  return update
}

export function getResourcesById(
  state: MemoryState,
  { resourcesId, version }: Parameters<LightningStore['getResourcesById']>[0],
): ResourcesUpdate | null {
  const versions = state.resources.get(resourcesId) ?? []
  return (version == null ? versions.at(-1) : versions[version - 1]) ?? null
}

export function queryResources(state: MemoryState, query: ResourcesQuery): Page<ResourcesUpdate> {
  const newest = [...state.resources.values()].map((versions) => versions.at(-1)!)
  return pageOf(newest, matchResources(query), query, sortFields.resources)
}
