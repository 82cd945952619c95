import {
  checkResourcesDeletion,
  idempotencyConflict,
  matchResources,
  nextResourcesVersion,
  packResources,
  pageOf,
  planResourcesRetention,
  readResourcesText,
  sortFields,
  unpackResources,
  writeResourcesText,
} from '@agl/store-kit'
import type { LightningStore, NamedResources, Page, ResourcesChange, ResourcesQuery, ResourcesUpdate } from '@agl/types'
import { readAliases } from './aliases.ts'
import type { ScriptArgument } from './connection/connection.ts'
import { parseRollout, separator } from './records.ts'
import { withRoom } from './retention.ts'
import { readIds, readTexts } from './rollouts.ts'
import { byteBound, refusalOf, type RedisState } from './state.ts'

type RequestOf<Verb extends keyof LightningStore> = LightningStore[Verb] extends (request: infer Request) => unknown
  ? Request
  : never

type Verb = 'addResources' | 'updateResources' | 'updateManyResources'

export async function addResources(state: RedisState, resources: NamedResources, key?: string): Promise<ResourcesUpdate> {
  for (;;) {
    const change = { resourcesId: state.ids.resourcesId(), resources, expectedVersion: 0 }
    const stored = await store(state, 'addResources', [change], key)
    // The id is taken: drawn from randomness that repeats itself.
    if (stored !== null) return stored[0]!
  }
}

/** All or none. @param changes checked; see `parseResourcesChanges` */
export async function updateManyResources(
  state: RedisState,
  verb: Verb,
  changes: readonly ResourcesChange[],
  key?: string,
): Promise<readonly ResourcesUpdate[]> {
  const stored = await store(state, verb, changes, key)
  return stored!
}

/** What `include/versions.lua` keeps of data. */
export function packData(resources: NamedResources): { readonly encoding: 'j' | 'd'; readonly data: string | Buffer } {
  const packed = packResources(resources)
  if (packed.encoding === 'json') return { encoding: 'j', data: writeResourcesText(resources) }
  return { encoding: 'd', data: Buffer.from(packed.data) }
}

async function store(
  state: RedisState,
  verb: Verb,
  changes: readonly ResourcesChange[],
  key: string | undefined,
): Promise<readonly ResourcesUpdate[] | null> {
  const versions = changes.flatMap(({ resourcesId, resources, expectedVersion }): readonly ScriptArgument[] => {
    const { encoding, data } = packData(resources)
    return [resourcesId, expectedVersion ?? '', encoding, data]
  })
  const args = [byteBound(state), verb, key ?? '', state.ids.attemptId(), ...versions]
  const reply = await withRoom(state, () => state.calls.call('updateResources', args))
  const [word, first, second] = reply as unknown as readonly [string, string, string]
  switch (word) {
    case '+':
    case '=': {
      const stored = JSON.parse(first) as readonly (readonly [string, number, string, string])[]
      if (word === '+') await retainResources(state, new Set(changes.map((change) => change.resourcesId)))
      return stored.map(([id, version, created, updated], index) =>
        Object.freeze<ResourcesUpdate>({
          resources_id: id,
          create_time: Number(created),
          update_time: Number(updated),
          version,
          // Whoever sends a call again sends the same.
          resources: changes[index]!.resources,
        }),
      )
    }
    case 'conflict':
      throw idempotencyConflict(first, verb, second)
    case 'other-version': {
      if (verb === 'addResources') return null
      const newest = Number(second)
      const history = { lastVersion: newest, createTime: null, newestVersion: newest === 0 ? null : newest }
      nextResourcesVersion(history, changes[Number(first) - 1]!, 0)
      throw refusalOf(state, reply, '')
    }
    default:
      throw refusalOf(state, reply, '')
  }
}

/** An id, as its history is stored. */
interface History {
  readonly resourcesId: string
  readonly lastVersion: number
  readonly newest: number | null
  readonly ordinal: number
}

/** In the order of their first version; those without a version too. */
export async function readHistories({ connection, keys }: RedisState): Promise<readonly History[]> {
  const fields = await connection.run((client) => client.hgetall(keys.of('resources')))
  return Object.entries(fields)
    .map(([resourcesId, text]): History => {
      const [last, newest, , ordinal] = text.split(separator)
      return { resourcesId, lastVersion: Number(last), newest: newest === '' ? null : Number(newest), ordinal: Number(ordinal) }
    })
    .toSorted((a, b) => a.ordinal - b.ordinal)
}

/** The versions of an id, oldest first. */
export async function readVersions({ connection, keys }: RedisState, resourcesId: string): Promise<readonly ResourcesUpdate[]> {
  const fields = await connection.run((client) => client.hgetallBuffer(keys.of('versions', resourcesId)))
  return Object.entries(fields)
    .map(([version, stored]) => decodeVersion(resourcesId, Number(version), stored as Buffer))
    .toSorted((a, b) => a.version - b.version)
}

const separatorByte = separator.charCodeAt(0)

/** Where the fields of a stored version end that stand before its data. */
function endsOf(stored: Buffer): readonly [created: number, updated: number, encoding: number] {
  const ends: number[] = []
  for (let from = 0; ends.length < 3; from = ends.at(-1)! + 1) ends.push(stored.indexOf(separatorByte, from))
  return ends as [number, number, number]
}

/** What a stored version counts as. */
export function dataBytes(stored: Buffer): number {
  return stored.length - endsOf(stored)[2] - 1
}

function decodeVersion(resourcesId: string, version: number, stored: Buffer): ResourcesUpdate {
  const [first, second, third] = endsOf(stored)
  const data = stored.subarray(third + 1)
  const isPacked = stored.toString('latin1', second + 1, third) === 'd'
  return Object.freeze<ResourcesUpdate>({
    resources_id: resourcesId,
    create_time: Number(stored.toString('latin1', 0, first)),
    update_time: Number(stored.toString('latin1', first + 1, second)),
    version,
    resources: isPacked
      ? unpackResources({ encoding: 'deflate', data, jsonBytes: 0 })
      : Object.freeze(readResourcesText(data.toString())),
  })
}

export async function getResourcesById(
  state: RedisState,
  { resourcesId, version }: RequestOf<'getResourcesById'>,
): Promise<ResourcesUpdate | null> {
  const { connection, keys } = state
  let asked: number | string | null | undefined = version
  if (asked == null) {
    const history = await connection.run((client) => client.hget(keys.of('resources'), resourcesId))
    asked = history?.split(separator)[1]
    if (asked === undefined || asked === '') return null
  }
  const found = String(asked)
  const stored = await connection.run((client) => client.hgetBuffer(keys.of('versions', resourcesId), found))
  return stored === null ? null : decodeVersion(resourcesId, Number(found), stored)
}

/** What was stored last of what is there. */
export async function getLatestResources(state: RedisState): Promise<ResourcesUpdate | null> {
  const { connection, keys } = state
  for (;;) {
    const [latest] = await connection.run((client) => client.zrange(keys.of('resourcesOrder'), '-1', '-1'))
    if (latest === undefined) return null
    const [version, ...id] = latest.split(separator)
    const found = await getResourcesById(state, { resourcesId: id.join(separator), version: Number(version) })
    // It may have been deleted meanwhile.
    if (found !== null) return found
  }
}

export async function queryResources(state: RedisState, query: ResourcesQuery): Promise<Page<ResourcesUpdate>> {
  const histories = await readHistories(state)
  const newest: ResourcesUpdate[] = []
  for (const { resourcesId, newest: version } of histories) {
    if (version === null) continue
    const update = await getResourcesById(state, { resourcesId, version })
    if (update !== null) newest.push(update)
  }
  return pageOf(newest, matchResources(query), query, sortFields.resources)
}

export async function queryResourcesVersions(
  state: RedisState,
  { resourcesId, ...page }: RequestOf<'queryResourcesVersions'>,
): Promise<Page<ResourcesUpdate>> {
  return pageOf(await readVersions(state, resourcesId), null, page, sortFields.resources)
}

export async function deleteResources(
  state: RedisState,
  { resourcesId, version }: RequestOf<'deleteResources'>,
): Promise<readonly number[]> {
  const reply = await state.calls.call('deleteResources', [
    state.ids.attemptId(),
    resourcesId,
    '',
    ...(version === undefined ? [] : [version]),
  ])
  const [word, ...rest] = reply
  if (word === '+') return (rest as readonly string[]).map(Number)
  const [pinned, ...aliases] = rest as readonly string[]
  const versions = version === undefined ? (await readVersions(state, resourcesId)).map((update) => update.version) : [version]
  checkResourcesDeletion({ resourcesId, versions }, { aliases, pinned: Number(pinned) })
  throw refusalOf(state, reply, '')
}

/** Drops versions that are too many, after a change of some ids. What has come into use meanwhile is left by the script. */
async function retainResources(state: RedisState, changedIds: ReadonlySet<string>): Promise<void> {
  const { retention, calls, ids } = state
  if (retention.maxResources === null && retention.maxResourcesVersions === null) return
  const histories = await readHistories(state)
  const present = histories.filter(({ newest }) => newest !== null)
  const held = await Promise.all(
    present.map(async ({ resourcesId }) => {
      const versions = await readVersions(state, resourcesId)
      return { resourcesId, versions: versions.map(({ version }) => version), updateTime: versions.at(-1)?.update_time ?? 0 }
    }),
  )
  const used = await readUsedVersions(state)
  const dropped = planResourcesRetention(retention, {
    changed: held.filter(({ resourcesId }) => changedIds.has(resourcesId)),
    count: held.length,
    all: () => held,
    isUsed: ({ resourcesId, version }) => used.has(`${version}/${resourcesId}`),
  })
  for (const { resourcesId, version } of dropped)
    await calls.call('deleteResources', [ids.attemptId(), resourcesId, '1', version])
}

/** All that aliases point to, that rollouts which are not finished are pinned to, and the latest. Linear in these. */
async function readUsedVersions(state: RedisState): Promise<ReadonlySet<string>> {
  const used = new Set((await readAliases(state)).map(({ alias }) => `${alias.version}/${alias.resources_id}`))
  const open = await readIds(state, ['queuing', 'requeuing', 'preparing', 'running'], Infinity)
  const texts = await readTexts(
    state,
    open.map(({ id }) => id),
  )
  for (const text of texts) {
    if (text === null) continue
    const { resourcesId, resourcesVersion } = parseRollout(text)
    if (resourcesId !== null) used.add(`${resourcesVersion}/${resourcesId}`)
  }
  const latest = await getLatestResources(state)
  if (latest !== null) used.add(`${latest.version}/${latest.resources_id}`)
  return used
}
