import { moveResourcesAlias, pageOf, resourcesVersionNotFound, sortFields } from '@agl/store-kit'
import type { LightningStore, Page, PageRequest, ResourcesAlias, ResourcesUpdate } from '@agl/types'
import { separator } from './records.ts'
import { getResourcesById } from './resources.ts'
import { refusalOf, type RedisState } from './state.ts'

export async function setResourcesAlias(
  state: RedisState,
  request: Parameters<LightningStore['setResourcesAlias']>[0],
): Promise<ResourcesAlias> {
  const { alias, resourcesId, version, expected } = request
  const place = expected == null ? ['', ''] : [expected.version, expected.resourcesId]
  const kind = expected === undefined ? '' : expected === null ? 'new' : 'at'
  const reply = await state.calls.call('setAlias', [alias, version, resourcesId, kind, ...place, state.ids.attemptId()])
  const [word, ...rest] = reply as readonly [string, ...string[]]
  switch (word) {
    case '+':
      return Object.freeze({ alias, resources_id: resourcesId, version, update_time: Number(rest[0]) })
    case 'missing':
      throw resourcesVersionNotFound({ resourcesId, version })
    case 'elsewhere': {
      const [presentVersion, updated, presentId] = rest as [string, string, string]
      const present =
        presentVersion === ''
          ? undefined
          : { alias, resources_id: presentId, version: Number(presentVersion), update_time: Number(updated) }
      return moveResourcesAlias(present, request, true, 0)
    }
    default:
      throw refusalOf(state, reply, '')
  }
}

/** In the order of insertion. */
export async function readAliases({
  connection,
  keys,
}: RedisState): Promise<readonly { readonly alias: ResourcesAlias; readonly ordinal: number }[]> {
  const fields = await connection.run((client) => client.hgetall(keys.of('aliases')))
  return Object.entries(fields)
    .map(([alias, text]) => decodeAlias(alias, text))
    .toSorted((a, b) => a.ordinal - b.ordinal)
}

function decodeAlias(alias: string, text: string): { readonly alias: ResourcesAlias; readonly ordinal: number } {
  const [ordinal, version, updated, ...id] = text.split(separator)
  const target = { alias, resources_id: id.join(separator), version: Number(version), update_time: Number(updated) }
  return { alias: Object.freeze(target), ordinal: Number(ordinal) }
}

export async function getResourcesByAlias(state: RedisState, alias: string): Promise<ResourcesUpdate | null> {
  const { connection, keys } = state
  const text = await connection.run((client) => client.hget(keys.of('aliases'), alias))
  if (text === null) return null
  const { resources_id: resourcesId, version } = decodeAlias(alias, text).alias
  return getResourcesById(state, { resourcesId, version })
}

export async function queryResourcesAliases(
  state: RedisState,
  query: PageRequest<keyof ResourcesAlias>,
): Promise<Page<ResourcesAlias>> {
  const aliases = (await readAliases(state)).map(({ alias }) => alias)
  return pageOf(aliases, null, query, sortFields.aliases)
}

/** Whether there was one. */
export async function deleteResourcesAlias({ calls, ids }: RedisState, alias: string): Promise<boolean> {
  const [, wasThere] = await calls.call('setAlias', [alias, '', '', '', '', '', ids.attemptId()])
  return wasThere === '1'
}
