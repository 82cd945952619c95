import {
  checkResourcesDeletion,
  compressionThresholdBytes,
  matchResources,
  moveResourcesAlias,
  nextResourcesVersion,
  type PackedResources,
  packResources,
  pageOf,
  parseResourcesChanges,
  type ResourcesHistory,
  sortFields,
  unpackResources,
} from '@agl/store-kit'
import type {
  LightningStore,
  NamedResources,
  Page,
  PageRequest,
  ResourcesAlias,
  ResourcesChange,
  ResourcesQuery,
  ResourcesUpdate,
} from '@agl/types'
import { countBytes } from './bytes.ts'
import { reserve } from './reserve.ts'
import { retainResources } from './retain.ts'
import { emit } from './events.ts'
import { type MemoryState, newId, pinKey } from './state.ts'

/** What is held of one version: as it is when small, compressed when large. */
export interface StoredVersion {
  readonly record: Omit<ResourcesUpdate, 'resources'>
  readonly resources: NamedResources | PackedResources
  readonly isPacked: boolean
  readonly bytes: number
}

/** An id with its versions, oldest first. */
export interface ResourcesRow {
  lastVersion: number
  readonly versions: Map<number, StoredVersion>
}

type RequestOf<Verb extends keyof LightningStore> = LightningStore[Verb] extends (request: infer Request) => unknown
  ? Request
  : never

export function addResources(state: MemoryState, resources: NamedResources): ResourcesUpdate {
  return updateManyResources(state, [{ resourcesId: newId(state.ids.resourcesId, state.resources), resources }])[0]!
}

/** All changes are checked, against each other too, before the first is stored. */
export function updateManyResources(state: MemoryState, changes: readonly ResourcesChange[]): readonly ResourcesUpdate[] {
  const histories = new Map<string, ResourcesHistory | undefined>()
  const updates = parseResourcesChanges(changes, state.resourceKinds).map((change) => {
    const { resourcesId } = change
    const history = histories.has(resourcesId) ? histories.get(resourcesId) : historyOf(state, resourcesId)
    const update = nextResourcesVersion(history, change, state.clock.now())
    const { version, create_time: createTime } = update
    histories.set(resourcesId, { lastVersion: version, createTime, newestVersion: version })
    return { update, stored: toStored(update) }
  })
  reserve(
    state,
    updates.reduce((sum, { stored }) => sum + stored.bytes, 0),
  )
  for (const { update, stored } of updates) insertVersion(state, stored, update)
  retainResources(state, new Set(changes.map((change) => change.resourcesId)))
  return updates.map(({ update }) => update)
}

export function historyOf(state: MemoryState, resourcesId: string): ResourcesHistory | undefined {
  const row = state.resources.get(resourcesId)
  if (row === undefined) return undefined
  const newest = newestOf(row)
  return {
    lastVersion: row.lastVersion,
    createTime: newest?.record.create_time ?? null,
    newestVersion: newest?.record.version ?? null,
  }
}

export function toStored(update: ResourcesUpdate): StoredVersion {
  const { resources, ...record } = update
  const packed = packResources(resources)
  const isPacked = packed.jsonBytes > compressionThresholdBytes
  return { record: Object.freeze(record), resources: isPacked ? packed : resources, isPacked, bytes: packed.data.length + 500 }
}

/** @param update the same version, held unpacked while it is the latest */
export function insertVersion(state: MemoryState, stored: StoredVersion, update: ResourcesUpdate): void {
  const { resources_id: resourcesId, version } = stored.record
  const row = state.resources.get(resourcesId) ?? { lastVersion: 0, versions: new Map<number, StoredVersion>() }
  state.resources.set(resourcesId, row)
  row.lastVersion = Math.max(row.lastVersion, version)
  if (row.versions.size === 0) state.resourcesCount++
  row.versions.set(version, stored)
  countBytes(state, 'resources', stored.bytes)
  state.latestResources = update
  emit(state, () => ({ type: 'resources', resources: stored.record }))
}

export function toUpdate({ record, resources, isPacked }: StoredVersion): ResourcesUpdate {
  return Object.freeze({
    ...record,
    resources: isPacked ? unpackResources(resources as PackedResources) : (resources as NamedResources),
  })
}

export function newestOf(row: ResourcesRow): StoredVersion | undefined {
  const newest = row.versions.get(row.lastVersion)
  if (newest !== undefined || row.versions.size === 0) return newest
  return row.versions.get(Math.max(...row.versions.keys()))
}

export function getResourcesById(
  state: MemoryState,
  { resourcesId, version }: RequestOf<'getResourcesById'>,
): ResourcesUpdate | null {
  const row = state.resources.get(resourcesId)
  const stored = row === undefined ? undefined : version == null ? newestOf(row) : row.versions.get(version)
  return stored === undefined ? null : readVersion(state, stored)
}

function readVersion(state: MemoryState, stored: StoredVersion): ResourcesUpdate {
  const { latestResources: latest } = state
  const { resources_id: resourcesId, version } = stored.record
  return latest?.resources_id === resourcesId && latest.version === version ? latest : toUpdate(stored)
}

export function queryResources(state: MemoryState, query: ResourcesQuery): Page<ResourcesUpdate> {
  const newest = [...state.resources.values()].flatMap((row) => newestOf(row) ?? [])
  return pageOfVersions(state, newest, query)
}

export function queryResourcesVersions(
  state: MemoryState,
  { resourcesId, ...page }: RequestOf<'queryResourcesVersions'>,
): Page<ResourcesUpdate> {
  return pageOfVersions(state, [...(state.resources.get(resourcesId)?.versions.values() ?? [])], page)
}

/** Filters and sorts by the records alone; only the page itself is unpacked. */
function pageOfVersions(state: MemoryState, stored: readonly StoredVersion[], query: ResourcesQuery): Page<ResourcesUpdate> {
  const bare = new Map(stored.map((version) => [{ ...version.record, resources: {} } as ResourcesUpdate, version]))
  const page = pageOf([...bare.keys()], matchResources(query), query, sortFields.resources)
  return { ...page, items: page.items.map((item) => readVersion(state, bare.get(item)!)) }
}

export function deleteResources(state: MemoryState, { resourcesId, version }: RequestOf<'deleteResources'>): readonly number[] {
  const row = state.resources.get(resourcesId)
  if (row === undefined) return []
  const versions = [...row.versions.keys()].filter((key) => version === undefined || key === version)
  const wanted = new Set(versions)
  const aliases = [...state.aliases.values()].filter((item) => item.resources_id === resourcesId && wanted.has(item.version))
  const pinned = versions.reduce((sum, key) => sum + (state.pins.get(pinKey(resourcesId, key)) ?? 0), 0)
  checkResourcesDeletion({ resourcesId, versions }, { aliases: aliases.map((item) => item.alias), pinned })
  deleteVersions(state, resourcesId, versions)
  return versions
}

/** Forgets versions that are there; the id remembers their numbers. */
export function deleteVersions(state: MemoryState, resourcesId: string, versions: readonly number[]): void {
  const row = state.resources.get(resourcesId)!
  for (const version of versions) {
    countBytes(state, 'resources', -row.versions.get(version)!.bytes)
    row.versions.delete(version)
    emit(state, () => ({ type: 'resources_deleted', resources_id: resourcesId, version }))
  }
  if (versions.length > 0 && row.versions.size === 0) state.resourcesCount--
  const latest = state.latestResources
  if (latest?.resources_id === resourcesId && versions.includes(latest.version)) state.latestResources = findLatest(state)
}

/** What was stored last of what is there. */
export function findLatest(state: MemoryState): ResourcesUpdate | null {
  let latest: StoredVersion | null = null
  for (const row of state.resources.values()) {
    const newest = newestOf(row)
    if (newest !== undefined && (latest === null || newest.record.update_time > latest.record.update_time)) latest = newest
  }
  return latest === null ? null : toUpdate(latest)
}

export function setResourcesAlias(state: MemoryState, request: RequestOf<'setResourcesAlias'>): ResourcesAlias {
  const { alias, resourcesId, version } = request
  const isKnown = state.resources.get(resourcesId)?.versions.has(version) === true
  const present = state.aliases.get(alias)
  const target = moveResourcesAlias(present, request, isKnown, state.clock.now())
  if (target === present) return present
  state.aliases.set(alias, target)
  emit(state, () => ({ type: 'resources_alias', alias, target }))
  return target
}

export function getResourcesByAlias(state: MemoryState, alias: string): ResourcesUpdate | null {
  const target = state.aliases.get(alias)
  return target === undefined ? null : getResourcesById(state, { resourcesId: target.resources_id, version: target.version })
}

export function queryResourcesAliases(state: MemoryState, query: PageRequest<keyof ResourcesAlias>): Page<ResourcesAlias> {
  return pageOf([...state.aliases.values()], null, query, sortFields.aliases)
}

export function deleteResourcesAlias(state: MemoryState, alias: string): boolean {
  const isThere = state.aliases.delete(alias)
  if (isThere) emit(state, () => ({ type: 'resources_alias', alias, target: null }))
  return isThere
}
