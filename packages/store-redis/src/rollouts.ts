import { createHash } from 'node:crypto'
import { idempotencyConflict, matchRollouts, pageOf, rolloutItemNotFound, sortFields, writeInputText } from '@agl/store-kit'
import type { AttemptedRollout, Page, Rollout, RolloutQuery, RolloutStatus, RolloutUpdate } from '@agl/types'
import { decodeChanged } from './answers.ts'
import {
  coldPart,
  decodeAttempted,
  decodeRollout,
  encodeLimits,
  encodeRolloutBody,
  inputPart,
  nameText,
  parseRollout,
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

/** So much of a body is read where the input is not wanted: mostly all before it. */
const bodyBeginning = 1024

/** The rollouts that are there, as they are stored, in the order asked; null for the others. */
export async function readRollouts(state: RedisState, ids: readonly string[]): Promise<readonly (StoredRollout | null)[]> {
  const { connection, keys } = state
  const read: (StoredRollout | null)[] = []
  for (let start = 0; start < ids.length; start += stepSize) {
    const step = ids.slice(start, start + stepSize)
    const names = step.flatMap((id) => [keys.of('rollout', id), keys.of('body', id)])
    const texts = await connection.run((client) => client.mget(names))
    for (const [index, id] of step.entries()) {
      const text = texts[2 * index]
      read.push(text == null ? null : [id, text, texts[2 * index + 1] ?? null])
    }
  }
  return read
}

/** What scripts read of rollouts; null for those that are not there. */
export async function readTexts({ connection, keys }: RedisState, ids: readonly string[]): Promise<readonly (string | null)[]> {
  const texts: (string | null)[] = []
  for (let start = 0; start < ids.length; start += stepSize) {
    const names = ids.slice(start, start + stepSize).map((id) => keys.of('rollout', id))
    texts.push(...(await connection.run((client) => client.mget(names))))
  }
  return texts
}

/** What only clients read of bodies, as text; null for those that are not there. A body is never empty. */
export async function readBeginnings(
  { connection, keys }: RedisState,
  ids: readonly string[],
): Promise<readonly (string | null)[]> {
  const read: (string | null)[] = []
  for (let start = 0; start < ids.length; start += stepSize) {
    const step = ids.slice(start, start + stepSize)
    const beginnings = await connection.run((client) =>
      Promise.all(step.map((id) => client.getrange(keys.of('body', id), 0, bodyBeginning - 1))),
    )
    for (const [index, id] of step.entries()) {
      const beginning = beginnings[index]!
      if (beginning === '') read.push(null)
      else if (coldPart(beginning) !== null) read.push(coldPart(beginning))
      else {
        const body = await connection.run((client) => client.get(keys.of('body', id)))
        read.push(body === null ? null : (coldPart(body) ?? body))
      }
    }
  }
  return read
}

/** The rollouts that are there without their inputs, which may be large. */
async function readBareRollouts(state: RedisState, ids: readonly string[]): Promise<readonly StoredRollout[]> {
  const texts = await readTexts(state, ids)
  const beginnings = await readBeginnings(state, ids)
  return ids.flatMap((id, index): readonly StoredRollout[] => {
    const text = texts[index]
    return text == null ? [] : [[id, text, beginnings[index]!]]
  })
}

export async function getRolloutById(state: RedisState, rolloutId: string): Promise<Rollout | AttemptedRollout | null> {
  const [stored] = await readRollouts(state, [rolloutId])
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

/** Where a rollout is in the index. */
export function scoreOf(status: RolloutStatus, ordinal: number): number {
  return statusCodes[status] * statusStep + ordinal
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
  const rows = await readRollouts(state, ids)
  return { items: rows.flatMap((row) => (row === null ? [] : [decodeAttempted(row)])), limit, offset, total }
}

/** Looks at every candidate, but reads inputs for the page only: no filter or order looks at them. */
async function pageByScan(state: RedisState, query: RolloutQuery): Promise<Page<Rollout | AttemptedRollout>> {
  const found = await readBareRollouts(state, await candidates(state, query))
  const inOrder = found
    .map((row) => ({ rollout: decodeRollout(row), ordinal: parseRollout(row[1]).ordinal }))
    .toSorted((a, b) => a.ordinal - b.ordinal)
  const page = pageOf(
    inOrder.map(({ rollout }) => rollout),
    matchRollouts(query),
    query,
    sortFields.rollouts,
  )
  const whole = await readRollouts(
    state,
    page.items.map((rollout) => rollout.rollout_id),
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
  const changesBody = config !== undefined || mode !== undefined || metadata !== undefined || input !== undefined
  for (;;) {
    const before = changesBody ? (await readRollouts(state, [rolloutId]))[0]! : null
    // With a key there may be an answer all the same.
    if (changesBody && before === null && key === '') throw rolloutItemNotFound(rolloutId)
    const args = [
      byteBound(state),
      key,
      rolloutId,
      status ?? '',
      resourcesId === undefined ? '' : '1',
      nameText(resourcesId),
      config === undefined ? '' : '1',
      config === undefined ? '' : encodeLimits(config),
      before === null ? '' : sha1Of(before[2] ?? ''),
      before === null ? '' : changeBody(before, update),
      state.ids.attemptId(),
    ]
    const reply = await withRoom(state, () => state.calls.call(verb, args))
    if (reply[0] === '+') return decodeRollout(reply[1] as StoredRollout)
    if (reply[0] === '=') return decodeChanged(reply[1] as string)
    if (reply[0] === 'conflict') throw idempotencyConflict(key, verb, reply[2] as string)
    if (reply[0] === 'missing') throw rolloutItemNotFound(rolloutId)
    if (reply[0] !== 'changed') throw refusalOf(state, reply, rolloutId)
  }
}

/** As `redis.sha1hex` of scripts, to tell whether a body is still the one that was read. */
function sha1Of(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}

function changeBody(before: StoredRollout, { mode, config, metadata, input }: RolloutUpdate): string {
  const rollout = decodeRollout(before)
  const changed = {
    ...rollout,
    ...(mode === undefined ? {} : { mode }),
    ...(config === undefined ? {} : { config }),
    ...(metadata === undefined ? {} : { metadata }),
  }
  return encodeRolloutBody(changed, input === undefined ? inputPart(before[2] ?? '') : writeInputText(input))
}

export async function cancelRollouts(state: RedisState, rolloutIds: readonly string[]): Promise<readonly Rollout[]> {
  const cancelled: Rollout[] = []
  const ids = [...new Set(rolloutIds)]
  for (let start = 0; start < ids.length; start += stepSize) {
    const [, ...rest] = await state.calls.call('cancel', [state.ids.attemptId(), ...ids.slice(start, start + stepSize)])
    cancelled.push(...(rest as readonly StoredRollout[]).map(decodeRollout))
  }
  return cancelled
}
