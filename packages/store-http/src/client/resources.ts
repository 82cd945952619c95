import {
  pageOf as checkedPage,
  parseResources,
  parseResourcesChanges,
  resourcesVersionNotFound,
  sortFields,
} from '@agl/store-kit'
import type {
  NamedResources,
  Page,
  PageRequest,
  ResourcesAlias,
  ResourcesChange,
  ResourcesQuery,
  ResourcesUpdate,
} from '@agl/types'
import { z } from 'zod'
import { type Client, keyHeader, needOurs, needOursFor, type RequestOf } from './client.ts'
import { anAlias, aResourcesUpdate, listOf, pageOf, read } from './replies.ts'
import { emptyPage, isRoutable, path, toWire } from './requests.ts'
import { askPage } from './rollouts.ts'

const updateOrNull = aResourcesUpdate.nullable()
const updateList = listOf(aResourcesUpdate)
const updatePage = pageOf(aResourcesUpdate)
const aliasPage = pageOf(anAlias)
const versions = listOf(z.int())
const flag = z.boolean()

/** The Python server knows three kinds. */
function checkKinds(client: Client, verb: string, resources: NamedResources): void {
  for (const { resource_type: type } of Object.values(resources)) {
    if (type.startsWith('custom:')) needOurs(client, verb, `resources of type "${type}"`)
  }
}

export async function addResources(client: Client, request: RequestOf<'addResources'>): Promise<ResourcesUpdate> {
  const body = parseResources(request.resources)
  checkKinds(client, 'addResources', body)
  const headers = keyHeader(client, 'addResources', request.idempotencyKey)
  const { isOurs } = client.connection
  const reply = await client.connection.call({ method: 'POST', path: '/resources', body, headers, isRepeatable: isOurs })
  return read(reply, aResourcesUpdate)
}

export async function updateResources(client: Client, change: ResourcesChange): Promise<ResourcesUpdate> {
  const { resourcesId, expectedVersion: expected, idempotencyKey } = change
  const [parsed] = parseResourcesChanges([change])
  const body = parsed!.resources
  checkKinds(client, 'updateResources', body)
  needOursFor(client, 'updateResources', { expectedVersion: expected })
  const condition: Readonly<Record<string, string>> =
    expected === undefined ? {} : expected === 0 ? { 'if-none-match': '*' } : { 'if-match': `"${expected}"` }
  const headers = { ...keyHeader(client, 'updateResources', idempotencyKey), ...condition }
  const { isOurs } = client.connection
  const route = path`/resources/${resourcesId}`
  return read(
    await client.connection.call({ method: 'POST', path: route, body, headers, isRepeatable: isOurs }),
    aResourcesUpdate,
  )
}

export async function updateManyResources(
  client: Client,
  request: RequestOf<'updateManyResources'>,
): Promise<readonly ResourcesUpdate[]> {
  const updates = parseResourcesChanges(request.updates)
  needOurs(client, 'updateManyResources')
  const headers = keyHeader(client, 'updateManyResources', request.idempotencyKey)
  const body = { updates: updates.map(toWire) }
  return read(await client.connection.call({ method: 'PATCH', path: '/resources', body, headers }), updateList)
}

/** From the server, past the cache. */
export async function loadResources(client: Client, request: RequestOf<'getResourcesById'>): Promise<ResourcesUpdate | null> {
  const { resourcesId, version = null } = request
  // The first would ask for the latest of all; versions begin with 1.
  if (resourcesId === 'latest' || !isRoutable(resourcesId) || (version !== null && version < 1)) return null
  const { isOurs } = client.connection
  const query = isOurs ? { version } : {}
  const update = read(await client.connection.call({ method: 'GET', path: path`/resources/${resourcesId}`, query }), updateOrNull)
  // The Python server has the newest version only.
  return isOurs || version === null || update?.version === version ? update : null
}

export async function getLatestResources(client: Client): Promise<ResourcesUpdate | null> {
  return read(await client.connection.call({ method: 'GET', path: '/resources/latest' }), updateOrNull)
}

export async function queryResources(client: Client, query: ResourcesQuery): Promise<Page<ResourcesUpdate>> {
  checkedPage([], null, query, sortFields.resources)
  return askPage(client, query, updatePage, (page) => ({
    method: 'GET',
    path: '/resources',
    query: toWire({ ...query, ...page }),
  }))
}

export async function queryResourcesVersions(
  client: Client,
  request: RequestOf<'queryResourcesVersions'>,
): Promise<Page<ResourcesUpdate>> {
  const { resourcesId, ...query } = request
  checkedPage([], null, query, sortFields.resources)
  needOurs(client, 'queryResourcesVersions')
  if (!isRoutable(resourcesId)) return emptyPage(query)
  const route = path`/resources/${resourcesId}/versions`
  return read(await client.connection.call({ method: 'GET', path: route, query: toWire(query) }), updatePage)
}

export async function deleteResources(client: Client, request: RequestOf<'deleteResources'>): Promise<readonly number[]> {
  needOurs(client, 'deleteResources')
  const { resourcesId, version } = request
  return read(
    await client.connection.call({ method: 'DELETE', path: path`/resources/${resourcesId}`, query: { version } }),
    versions,
  )
}

export async function setResourcesAlias(client: Client, request: RequestOf<'setResourcesAlias'>): Promise<ResourcesAlias> {
  needOurs(client, 'setResourcesAlias')
  const { alias, resourcesId, version, expected } = request
  if (!isRoutable(resourcesId)) throw resourcesVersionNotFound({ resourcesId, version })
  const place = expected === null || expected === undefined ? expected : toWire(expected)
  const body = toWire({ resourcesId, version, expected: place })
  return read(await client.connection.call({ method: 'PUT', path: path`/aliases/${alias}`, body }), anAlias)
}

export async function getResourcesByAlias(
  client: Client,
  { alias }: RequestOf<'getResourcesByAlias'>,
): Promise<ResourcesUpdate | null> {
  needOurs(client, 'getResourcesByAlias')
  if (!isRoutable(alias)) return null
  return read(await client.connection.call({ method: 'GET', path: path`/aliases/${alias}` }), updateOrNull)
}

export async function queryResourcesAliases(
  client: Client,
  query: PageRequest<keyof ResourcesAlias>,
): Promise<Page<ResourcesAlias>> {
  checkedPage([], null, query, sortFields.aliases)
  needOurs(client, 'queryResourcesAliases')
  return read(await client.connection.call({ method: 'GET', path: '/aliases', query: toWire(query) }), aliasPage)
}

export async function deleteResourcesAlias(client: Client, { alias }: RequestOf<'deleteResourcesAlias'>): Promise<boolean> {
  needOurs(client, 'deleteResourcesAlias')
  if (!isRoutable(alias)) return false
  return read(await client.connection.call({ method: 'DELETE', path: path`/aliases/${alias}` }), flag)
}
