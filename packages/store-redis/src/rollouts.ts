import { idempotencyConflict, matchRollouts, pageOf, rolloutItemNotFound, sortFields, writeInputText } from '@agl/store-kit'
import type { AttemptedRollout, Page, Rollout, RolloutQuery, RolloutStatus, RolloutUpdate } from '@agl/types'
import { decodeChanged } from './answers.ts'
import {
  decodeAttempted,
  decodeHeader,
  decodeRollout,
  encodeCold,
  encodeLimits,
  nameText,
  type StoredRollout,
} from './records.ts'
import { withRoom } from './retention.ts'
import { byteBound, refusalOf, type RedisState } from './state.ts'

/** Of the index of statuses; see `include/rollouts.lua`. */
const statusStep = 2 ** 45
const statusCodes: Readonly<Record<RolloutStatus, number>> = {
  queuing: 0,
  requeuing: 1,
  preparing: 2,
  running: 3,
  succeeded: 4,
  failed: 5,
  cancelled: 6,
}
export const statuses = Object.keys(statusCodes) as readonly RolloutStatus[]

/** Rollouts read in one step. */
const stepSize = 500

const bareFields = ['s', 'e', 'h', 'd', 'a'] as const

/** The rollouts that are there, as they are stored, in the order asked; null for the others. */
export async function readRollouts(
  state: RedisState,
  ids: readonly string[],
  withInput: boolean,
): Promise<readonly (StoredRollout | null)[]> {
  const { connection, keys } = state
  const read: (StoredRollout | null)[] = []
  for (let start = 0; start < ids.length; start += stepSize) {
    const step = ids.slice(start, start + stepSize)
    const rows = await connection.run((client) =>
      Promise.all(step.map((id) => client.hmget(keys.of('rollout', id), ...bareFields, ...(withInput ? ['i'] : [])))),
    )
    for (const [index, [status, ended, header, cold, latest, input]] of rows.entries()) {
      if (status == null || header == null) read.push(null)
      else read.push([step[index]!, status, ended ?? '', header, input ?? null, cold ?? '', latest ?? ''])
    }
  }
  return read
}

export async function getRolloutById(state: RedisState, rolloutId: string): Promise<Rollout | AttemptedRollout | null> {
  const [stored] = await readRollouts(state, [rolloutId], true)
  return stored == null ? null : decodeAttempted(stored)
}

export async function queryRollouts(state: RedisState, query: RolloutQuery): Promise<Page<Rollout | AttemptedRollout>> {
  return (await pageByIndex(state, query)) ?? pageByScan(state, query)
}

/** The range of a status in the index. */
function rangeOf(status: RolloutStatus): readonly [string, string] {
  const code = statusCodes[status]
  return [String(code * statusStep), `(${(code + 1) * statusStep}`]
}

/** How many rollouts have each of these statuses. */
export async function countRollouts(
  { connection, keys }: RedisState,
  wanted: readonly RolloutStatus[],
): Promise<readonly number[]> {
  return connection.run((client) => Promise.all(wanted.map((status) => client.zcount(keys.of('statuses'), ...rangeOf(status)))))
}

/** Ids in the order of insertion, with their ordinals; `count` at most of each status. */
export async function readIds(
  { connection, keys }: RedisState,
  wanted: readonly RolloutStatus[],
  count: number,
): Promise<readonly { readonly id: string; readonly ordinal: number }[]> {
  const limit = count === Infinity ? -1 : count
  const ranges = await connection.run((client) =>
    Promise.all(
      wanted.map((status) => client.zrangebyscore(keys.of('statuses'), ...rangeOf(status), 'WITHSCORES', 'LIMIT', 0, limit)),
    ),
  )
  const found: { id: string; ordinal: number }[] = []
  for (const range of ranges) {
    for (let index = 0; index < range.length; index += 2) {
      found.push({ id: range[index]!, ordinal: Number(range[index + 1]) % statusStep })
    }
  }
  return found.sort((a, b) => a.ordinal - b.ordinal)
}

/** A page that the index holds as it is: all rollouts, or those of some statuses, in the order of insertion. */
async function pageByIndex(state: RedisState, query: RolloutQuery): Promise<Page<Rollout | AttemptedRollout> | null> {
  const { limit = -1, offset = 0, statusIn } = query
  if (query.sortBy != null || query.labels !== undefined || query.modeIn !== undefined) return null
  if (query.rolloutIdIn !== undefined || query.rolloutIdContains !== undefined) return null
  const wanted = statusIn === undefined ? statuses : [...new Set(statusIn)]
  const total = (await countRollouts(state, wanted)).reduce((sum, count) => sum + count, 0)
  const end = limit === -1 ? Infinity : offset + limit
  const ids = (await readIds(state, wanted, end)).slice(offset, end).map(({ id }) => id)
  const rows = await readRollouts(state, ids, true)
  return { items: rows.flatMap((row) => (row === null ? [] : [decodeAttempted(row)])), limit, offset, total }
}

/** Looks at every candidate, but reads inputs for the page only: no filter or order looks at them. */
async function pageByScan(state: RedisState, query: RolloutQuery): Promise<Page<Rollout | AttemptedRollout>> {
  const found = (await readRollouts(state, await candidates(state, query), false)).filter((row) => row !== null)
  const rows = new Map(found.map((row) => [decodeRollout(row), row]))
  const inOrder = [...rows].toSorted(([, a], [, b]) => decodeHeader(a[3]).ordinal - decodeHeader(b[3]).ordinal)
  const page = pageOf(
    inOrder.map(([rollout]) => rollout),
    matchRollouts(query),
    query,
    sortFields.rollouts,
  )
  const whole = await readRollouts(
    state,
    page.items.map((rollout) => rollout.rollout_id),
    true,
  )
  return { ...page, items: whole.flatMap((row) => (row === null ? [] : [decodeAttempted(row)])) }
}

/** The ids that may match: by id or status where the query names these, otherwise all. */
async function candidates(state: RedisState, query: RolloutQuery): Promise<readonly string[]> {
  if (query.filterLogic !== 'or' && query.rolloutIdIn !== undefined) return [...new Set(query.rolloutIdIn)]
  const wanted = query.filterLogic !== 'or' && query.statusIn !== undefined ? [...new Set(query.statusIn)] : statuses
  return (await readIds(state, wanted, Infinity)).map(({ id }) => id)
}

export async function updateRollout(state: RedisState, update: RolloutUpdate): Promise<Rollout> {
  const { rolloutId, status, resourcesId, config, input, mode, metadata, idempotencyKey: key = '' } = update
  const verb = 'updateRollout'
  const changesCold = config !== undefined || mode !== undefined || metadata !== undefined
  for (;;) {
    const before = changesCold ? (await readRollouts(state, [rolloutId], false))[0]! : null
    // With a key there may be an answer all the same.
    if (changesCold && before === null && key === '') throw rolloutItemNotFound(rolloutId)
    const cold = before === null ? '' : changeCold(before, update)
    const args = [
      byteBound(state),
      key,
      rolloutId,
      status ?? '',
      resourcesId === undefined ? '' : '1',
      nameText(resourcesId),
      config === undefined ? '' : '1',
      config === undefined ? '' : encodeLimits(config),
      changesCold ? '1' : '',
      before?.[5] ?? '',
      cold,
      input === undefined ? '' : '1',
      input === undefined ? '' : writeInputText(input),
    ]
    const reply = await withRoom(state, () => state.calls.call(verb, args))
    if (reply[0] === '+') return decodeRollout(reply[1] as StoredRollout)
    if (reply[0] === '=') return decodeChanged(reply[1] as string)
    if (reply[0] === 'conflict') throw idempotencyConflict(key, verb, reply[2] as string)
    if (reply[0] === 'missing') throw rolloutItemNotFound(rolloutId)
    if (reply[0] !== 'changed') throw refusalOf(state, reply, rolloutId)
  }
}

function changeCold(before: StoredRollout, { mode, config, metadata }: RolloutUpdate): string {
  const rollout = decodeRollout(before)
  return encodeCold({
    ...rollout,
    ...(mode === undefined ? {} : { mode }),
    ...(config === undefined ? {} : { config }),
    ...(metadata === undefined ? {} : { metadata }),
  })
}

export async function cancelRollouts({ calls }: RedisState, rolloutIds: readonly string[]): Promise<readonly Rollout[]> {
  const cancelled: Rollout[] = []
  const ids = [...new Set(rolloutIds)]
  for (let start = 0; start < ids.length; start += stepSize) {
    const [, ...rest] = await calls.call('cancel', ids.slice(start, start + stepSize))
    cancelled.push(...(rest as readonly StoredRollout[]).map(decodeRollout))
  }
  return cancelled
}
