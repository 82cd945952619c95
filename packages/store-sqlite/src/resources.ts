import {
  checkResourcesDeletion,
  compressionThresholdBytes,
  drawFreeId,
  type HeldResources,
  matchResources,
  nextResourcesVersion,
  packResources,
  pageOf,
  planResourcesRetention,
  type ResourcesHistory,
  sortFields,
  unpackResources,
  readResourcesText,
  writeResourcesText,
} from '@agl/store-kit'
import type { LightningStore, NamedResources, Page, ResourcesChange, ResourcesQuery, ResourcesUpdate } from '@agl/types'
import { addEvent } from './events.ts'
import { reserve } from './retention.ts'
import type { Reading, Writing } from './state.ts'

type RequestOf<Verb extends keyof LightningStore> = LightningStore[Verb] extends (request: infer Request) => unknown
  ? Request
  : never

/** What is stored of one version: small resources as text, large ones compressed. */
interface StoredVersion {
  readonly resources_id: string
  readonly version: number
  readonly create_time: number
  readonly update_time: number
  readonly resources: string | Uint8Array
}

const columns = 'resources_id, version, create_time, update_time, resources'

function updateOf({ resources, ...record }: StoredVersion): ResourcesUpdate {
  return Object.freeze({ ...record, resources: unpack(resources) })
}

function unpack(stored: string | Uint8Array): NamedResources {
  if (typeof stored === 'string') return Object.freeze(readResourcesText(stored))
  return unpackResources({ encoding: 'deflate', data: stored, jsonBytes: 0 })
}

export function addResources(writing: Writing, resources: NamedResources): ResourcesUpdate {
  const isUsed = (id: string): boolean => historyOf(writing, id) !== undefined
  const resourcesId = drawFreeId(writing.state.ids.resourcesId, isUsed)
  return updateManyResources(writing, [{ resourcesId, resources }])[0]!
}

/** All of them in one transaction. @param changes checked; see `parseResourcesChanges` */
export function updateManyResources(writing: Writing, changes: readonly ResourcesChange[]): readonly ResourcesUpdate[] {
  const updates = changes.map((change) => {
    const history = historyOf(writing, change.resourcesId)
    const update = nextResourcesVersion(history, change, writing.state.clock.now())
    insertVersion(writing, update, update.update_time)
    return update
  })
  retainResources(writing, new Set(changes.map((change) => change.resourcesId)))
  return updates
}

function historyOf({ database }: Reading, resourcesId: string): ResourcesHistory | undefined {
  const row = database.get<{ last: number }>('SELECT last_version AS last FROM resources WHERE resources_id = ?', resourcesId)
  if (row === undefined) return undefined
  const newest = database.get<{ version: number; create_time: number }>(
    'SELECT version, create_time FROM resources_versions WHERE resources_id = ? ORDER BY version DESC LIMIT 1',
    resourcesId,
  )
  return { lastVersion: row.last, createTime: newest?.create_time ?? null, newestVersion: newest?.version ?? null }
}

/** Remembers an id and the highest version ever given to it. */
export function putHistory(writing: Writing, resourcesId: string, lastVersion: number): void {
  const { database } = writing
  const known = database.run(
    'UPDATE resources SET last_version = max(last_version, ?) WHERE resources_id = ?',
    lastVersion,
    resourcesId,
  )
  if (known === 1) return
  database.run('INSERT INTO resources (resources_id, last_version) VALUES (?, ?)', resourcesId, lastVersion)
}

/** @param now of the event, which is of the present for a version of a snapshot too */
export function insertVersion(writing: Writing, update: ResourcesUpdate, now: number): void {
  const { resources, ...record } = update
  const { resources_id: resourcesId, version, create_time: createTime, update_time: updateTime } = record
  const packed = packResources(resources, compressionThresholdBytes)
  reserve(writing, packed.data.length)
  putHistory(writing, resourcesId, version)
  if (newestVersion(writing, resourcesId) === null) writing.count('resources', 1)
  writing.database.run(
    `INSERT INTO resources_versions (${columns}) VALUES (?, ?, ?, ?, ?)`,
    resourcesId,
    version,
    createTime,
    updateTime,
    packed.encoding === 'json' ? writeResourcesText(resources) : packed.data,
  )
  writing.count('resources_bytes', packed.data.length)
  addEvent(writing, { type: 'resources', resources: record }, now)
}

export function getResourcesById(
  { database }: Reading,
  { resourcesId, version }: RequestOf<'getResourcesById'>,
): ResourcesUpdate | null {
  const select = `SELECT ${columns} FROM resources_versions WHERE resources_id = ?`
  const stored =
    version == null
      ? database.get<StoredVersion>(`${select} ORDER BY version DESC LIMIT 1`, resourcesId)
      : database.get<StoredVersion>(`${select} AND version = ?`, resourcesId, version)
  return stored === undefined ? null : updateOf(stored)
}

/** What was stored last of what is there; not by time, of which each process has its own. */
const latest = 'FROM resources_versions WHERE ordinal = (SELECT max(ordinal) FROM resources_versions)'

export function getLatestResources({ database }: Reading): ResourcesUpdate | null {
  const stored = database.get<StoredVersion>(`SELECT ${columns} ${latest}`)
  return stored === undefined ? null : updateOf(stored)
}

export function latestResourcesId({ database }: Reading): string | null {
  return database.get<{ resources_id: string }>(`SELECT resources_id ${latest}`)?.resources_id ?? null
}

/** The version that a rollout is pinned to; null for an unknown id, which its runner will report. */
export function newestVersion({ database }: Reading, resourcesId: string | null): number | null {
  if (resourcesId === null) return null
  return database.get<{ version: number | null }>(
    'SELECT max(version) AS version FROM resources_versions WHERE resources_id = ?',
    resourcesId,
  )!.version
}

export function queryResources(reading: Reading, query: ResourcesQuery): Page<ResourcesUpdate> {
  const bare = reading.database.all<Omit<StoredVersion, 'resources'>>(`
    SELECT versions.resources_id, version, create_time, update_time
    FROM resources JOIN resources_versions AS versions ON versions.resources_id = resources.resources_id
    WHERE version = (SELECT max(version) FROM resources_versions WHERE resources_id = resources.resources_id)
    ORDER BY resources.ordinal`)
  return pageOfVersions(reading, bare, query)
}

export function queryResourcesVersions(
  reading: Reading,
  { resourcesId, ...page }: RequestOf<'queryResourcesVersions'>,
): Page<ResourcesUpdate> {
  const bare = reading.database.all<Omit<StoredVersion, 'resources'>>(
    'SELECT resources_id, version, create_time, update_time FROM resources_versions WHERE resources_id = ? ORDER BY version',
    resourcesId,
  )
  return pageOfVersions(reading, bare, page)
}

/** Filters and sorts by the records alone; only the snapshots of the page itself are read. */
function pageOfVersions(
  reading: Reading,
  bare: readonly Omit<StoredVersion, 'resources'>[],
  query: ResourcesQuery,
): Page<ResourcesUpdate> {
  const records = bare.map((record): ResourcesUpdate => ({ ...record, resources: {} }))
  const page = pageOf(records, matchResources(query), query, sortFields.resources)
  const items = page.items.map(({ resources_id: resourcesId, version }) => getResourcesById(reading, { resourcesId, version })!)
  return { ...page, items }
}

export function deleteResources(writing: Writing, { resourcesId, version }: RequestOf<'deleteResources'>): readonly number[] {
  const stored = writing.database.all<{ version: number }>(
    'SELECT version FROM resources_versions WHERE resources_id = ? ORDER BY ordinal',
    resourcesId,
  )
  const versions = stored.map((row) => row.version).filter((present) => version === undefined || present === version)
  checkResourcesDeletion({ resourcesId, versions }, usesOf(writing, resourcesId, versions))
  deleteVersions(writing, resourcesId, versions)
  return versions
}

/** Forgets versions that are there; the id remembers their numbers. */
function deleteVersions(writing: Writing, resourcesId: string, versions: readonly number[]): void {
  const { database, state } = writing
  for (const version of versions) {
    const { bytes } = database.get<{ bytes: number }>(
      `DELETE FROM resources_versions WHERE resources_id = ? AND version = ?
       RETURNING length(CAST(resources AS BLOB)) AS bytes`,
      resourcesId,
      version,
    )!
    writing.count('resources_bytes', -bytes)
    addEvent(writing, { type: 'resources_deleted', resources_id: resourcesId, version }, state.clock.now())
  }
  if (versions.length > 0 && newestVersion(writing, resourcesId) === null) writing.count('resources', -1)
}

/** Drops versions that are too many, after a change of some ids. */
function retainResources(writing: Writing, changedIds: ReadonlySet<string>): void {
  const { retention } = writing.state
  if (retention.maxResources === null && retention.maxResourcesVersions === null) return
  const { database } = writing
  let used: ReadonlySet<string> | null = null
  const dropped = planResourcesRetention(retention, {
    changed: [...changedIds].flatMap((id) =>
      describeResources(database.all(`${describe} WHERE resources_id = ? ${grouped}`, id)),
    ),
    count: writing.total('resources'),
    all: () => describeResources(database.all(`${describe} ${grouped}`)),
    isUsed: (version) => (used ??= usedVersions(writing)).has(JSON.stringify([version.resourcesId, version.version])),
  })
  for (const { resourcesId, version } of dropped) deleteVersions(writing, resourcesId, [version])
}

const describe = `
  SELECT resources_id AS resourcesId, json_group_array(version ORDER BY version) AS versions, max(update_time) AS updateTime
  FROM resources_versions`
const grouped = 'GROUP BY resources_id'

function describeResources(
  rows: readonly (Omit<HeldResources, 'versions'> & { readonly versions: string })[],
): readonly HeldResources[] {
  return rows.map(({ versions, ...row }) => ({ ...row, versions: JSON.parse(versions) as number[] }))
}

/** All that aliases point to, that rollouts which are not finished are pinned to, and the latest. Linear in these. */
function usedVersions({ database }: Reading): ReadonlySet<string> {
  const rows = database.all<{ key: string }>(`
    SELECT json_array(resources_id, version) AS key FROM aliases
    UNION SELECT json_array(record ->> 'resources_id', record ->> 'resources_version') FROM rollouts WHERE status IN (${unfinished})
    UNION SELECT json_array(resources_id, version) ${latest}`)
  return new Set(rows.map((row) => row.key))
}

const unfinished = `'queuing', 'requeuing', 'preparing', 'running'`

/** Who needs these versions. Linear in the rollouts that are not finished, which a deletion can afford. */
function usesOf(
  { database }: Reading,
  resourcesId: string,
  versions: readonly number[],
): { readonly aliases: readonly string[]; readonly pinned: number } {
  const wanted = new Set(versions)
  const aliases = database
    .all<{ alias: string; version: number }>('SELECT alias, version FROM aliases WHERE resources_id = ?', resourcesId)
    .filter((row) => wanted.has(row.version))
    .map((row) => row.alias)
  const pins = database.all<{ version: number | null }>(
    `SELECT record ->> 'resources_version' AS version FROM rollouts
     WHERE status IN (${unfinished}) AND record ->> 'resources_id' = ?`,
    resourcesId,
  )
  return { aliases, pinned: pins.filter((row) => row.version !== null && wanted.has(row.version)).length }
}
