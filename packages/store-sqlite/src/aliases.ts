import { moveResourcesAlias, pageOf, sortFields } from '@agl/store-kit'
import type { LightningStore, Page, PageRequest, ResourcesAlias, ResourcesUpdate } from '@agl/types'
import { addEvent } from './events.ts'
import { getResourcesById } from './resources.ts'
import type { Reading, Writing } from './state.ts'

const columns = 'alias, resources_id, version, update_time'

function getAlias({ database }: Reading, alias: string): ResourcesAlias | undefined {
  return database.get<ResourcesAlias>(`SELECT ${columns} FROM aliases WHERE alias = ?`, alias)
}

export function setResourcesAlias(writing: Writing, request: Parameters<LightningStore['setResourcesAlias']>[0]): ResourcesAlias {
  const { alias, resourcesId, version } = request
  const isKnown =
    writing.database.get('SELECT 1 FROM resources_versions WHERE resources_id = ? AND version = ?', resourcesId, version) !==
    undefined
  const present = getAlias(writing, alias)
  const target = moveResourcesAlias(present, request, isKnown, writing.state.clock.now())
  if (target === present) return Object.freeze({ ...present })
  putAlias(writing, target)
  addEvent(writing, { type: 'resources_alias', alias, target }, target.update_time)
  return target
}

export function putAlias({ database }: Writing, target: ResourcesAlias): void {
  database.run(
    `INSERT INTO aliases (${columns}) VALUES (?, ?, ?, ?) ON CONFLICT (alias) DO UPDATE
     SET resources_id = excluded.resources_id, version = excluded.version, update_time = excluded.update_time`,
    target.alias,
    target.resources_id,
    target.version,
    target.update_time,
  )
}

export function getResourcesByAlias(reading: Reading, alias: string): ResourcesUpdate | null {
  const target = getAlias(reading, alias)
  if (target === undefined) return null
  return getResourcesById(reading, { resourcesId: target.resources_id, version: target.version })
}

export function readAliases({ database }: Reading): readonly ResourcesAlias[] {
  return database
    .all<ResourcesAlias>(`SELECT ${columns} FROM aliases ORDER BY ordinal`)
    .map((alias) => Object.freeze({ ...alias }))
}

export function queryResourcesAliases(reading: Reading, query: PageRequest<keyof ResourcesAlias>): Page<ResourcesAlias> {
  return pageOf(readAliases(reading), null, query, sortFields.aliases)
}

/** Whether there was one. */
export function deleteResourcesAlias(writing: Writing, alias: string): boolean {
  const isThere = writing.database.run('DELETE FROM aliases WHERE alias = ?', alias) === 1
  if (isThere) addEvent(writing, { type: 'resources_alias', alias, target: null }, writing.state.clock.now())
  return isThere
}
