import {
  attemptNotFound,
  checkSequenceId,
  matchSpans,
  pageOf,
  type ParsedSpan,
  readJson,
  rolloutNotFound,
  sortFields,
  spansGone,
  writeJson,
} from '@agl/store-kit'
import type { LightningStore, Page, Span, SpanQuery } from '@agl/types'
import { isRewardSpan } from '@agl/types/spans'
import type { Client, ScriptArgument } from './connection/connection.ts'
import { attemptsOf } from './attempts.ts'
import { parseRollout } from './records.ts'
import { retainAfterWrite, withRoom } from './retention.ts'
import { byteBound, refusalOf, type RedisState } from './state.ts'

/*
 * A span is stored in two steps: a script gives it its place and takes its sign of life (see `add-spans.lua`), then its body is
 * written by a plain command, because bodies that go through scripts cost twice. It is acknowledged after both. A body is the
 * span as JSON without its sequence id. Before it stands the sequence id and a space, but where that is the number of the field,
 * as it mostly is: a text that is put together is copied once more on its way out.
 */

type Mutable<Type> = { -readonly [Field in keyof Type]: Type[Field] }

/** Bodies read in one step. */
const stepSize = 200

/** Stores spans in order; answers those that were new. All ids are known, and there is room for all, before the first is stored. */
export async function addSpans(state: RedisState, spans: readonly ParsedSpan[]): Promise<readonly Span[]> {
  if (spans.length === 0) return []
  const attempts = new Map<string, number>()
  const keys: string[] = []
  const args: ScriptArgument[] = []
  let attempt = 0
  const bodies = spans.map((span, index) => {
    const { rollout_id: rolloutId, attempt_id: attemptId, span_id: spanId, sequence_id: sequenceId } = span
    if (sequenceId !== undefined) checkSequenceId(sequenceId)
    const before = spans[index - 1]
    if (rolloutId !== before?.rollout_id || attemptId !== before.attempt_id) {
      const name = `${rolloutId}/${attemptId}`
      attempt = attempts.get(name) ?? attempts.size + 1
      if (attempt > attempts.size) {
        attempts.set(name, attempt)
        keys.push(rolloutId, attemptId)
      }
    }
    const body = encodeBody(span)
    args.push(attempt, spanId, sequenceId ?? '', body.length, isRewardSpan(span) ? '1' : '')
    return body
  })
  const call = [byteBound(state), attempts.size, ...keys, ...args]
  const reply = await withRoom(state, () => state.calls.call('addSpans', call))
  const [word, ...rest] = reply as readonly [string, ...string[]]
  switch (word) {
    case '+':
      break
    case 'missing':
      throw rolloutNotFound(rest[0]!)
    case 'no-attempt':
      throw attemptNotFound(rest[0]!, rest[1]!)
    case 'no-ids':
      checkSequenceId(Number(rest[0]))
      throw refusalOf(state, reply, '')
    default:
      throw refusalOf(state, reply, '')
  }
  const shelves = rest.slice(0, attempts.size).map((place, index) => state.keys.spans(keys[2 * index]!, place))
  const told = rest.slice(attempts.size)
  const isRun = told[0] === 'run'
  const [firstSequence, firstField] = isRun ? [Number(told[1]), Number(told[2])] : [0, 0]
  const places = spans.map((span, index): Place => ({
    span,
    body: bodies[index]!,
    key: shelves[(args[5 * index] as number) - 1]!,
    sequence: isRun ? String(firstSequence + index) : told[3 * index]!,
    field: isRun ? String(firstField + index) : String(told[3 * index + 1]),
    isNew: isRun || told[3 * index + 2] === '1',
  }))
  return writeBodies(state, places)
}

interface Place {
  readonly span: ParsedSpan
  readonly body: string
  readonly key: string
  readonly sequence: string
  /** '' for a late span of what retention has dropped: acknowledged and dropped too. */
  readonly field: string
  readonly isNew: boolean
}

export function encodeBody(span: ParsedSpan | Span): string {
  // It stands before the body: one that was given must not make the body longer.
  return writeJson(span.sequence_id === undefined ? span : { ...span, sequence_id: undefined }, 'the span')
}

/** Answers those that this call stored. */
async function writeBodies(state: RedisState, places: readonly Place[]): Promise<readonly Span[]> {
  const byKey = new Map<string, string[]>()
  const firsts = new Map<string, Place>()
  const known: Place[] = []
  for (const place of places) {
    if (place.field === '') continue
    if (!place.isNew) {
      known.push(place)
      continue
    }
    const fields = byKey.get(place.key)
    if (fields === undefined) {
      byKey.set(place.key, [place.field, textOf(place)])
      firsts.set(place.key, place)
    } else fields.push(place.field, textOf(place))
  }
  // Whoever sends the same id meanwhile takes this one's writer for dead: of two single spans the first body stands, and only one is told so.
  const alone = [...firsts].flatMap(([key, place]) => (byKey.get(key)!.length === 2 ? [place] : []))
  for (const { key } of alone) byKey.delete(key)
  const homes = new Map(places.map(({ key, span }) => [key, span.rollout_id]))
  const { connection, keys } = state
  const [[rescues, puts], texts] = await runOnBodies(state, new Set(homes.values()), async (client, isAgain) => {
    const bodies = [...byKey].flatMap(([key, fields]) => inParts(fields).map((part) => client.hset(key, ...part)))
    const singles = alone.map(async (place) => {
      const text = textOf(place)
      if ((await client.hsetnx(place.key, place.field, text)) === 1) return true
      // It may be what was written before the connection was lost.
      return isAgain && (await client.hget(place.key, place.field)) === text
    })
    // A duplicate, or one whose writer never came to the second step; after the new ones, of which it may be a duplicate.
    const others = known.map((place) => client.hsetnx(place.key, place.field, textOf(place)))
    // Read after the bodies are written: one server does in order what comes in order, those of a cluster know nothing of each other.
    const readHomes = (): Promise<readonly (string | null)[]> =>
      Promise.all([...homes.values()].map((id) => connection.get(client, keys.of('rollout', id))))
    const early = connection.isCluster ? null : readHomes()
    // All in one: a connection that is lost rejects each of them.
    const [rescues, puts, , read] = await Promise.all([Promise.all(others), Promise.all(singles), Promise.all(bodies), early])
    return [[rescues, puts], read ?? (await readHomes())] as const
  })
  await dropHomeless(state, [...homes], texts)
  await retainAfterWrite(state)
  const rescued = new Set(known.filter((_, index) => rescues[index] === 1))
  const beaten = new Set(alone.filter((_, index) => !puts[index]!))
  const isStored = (place: Place): boolean => (place.isNew ? !beaten.has(place) : rescued.has(place))
  for (const { span } of [...known, ...beaten].filter((place) => !isStored(place))) {
    const { rollout_id: rolloutId, attempt_id: attemptId, span_id: spanId } = span
    state.logger.debug('duplicate span skipped', { rolloutId, attemptId, spanId })
  }
  const stored: Span[] = []
  for (const place of places) {
    if (!isStored(place)) continue
    // It was made by the parser for us.
    const span = place.span as Mutable<Span>
    span.sequence_id = Number(place.sequence)
    stored.push(Object.freeze(span))
  }
  return stored
}

/** Fields and bodies of one command: as many as fit on the stack. */
const mostFields = 1000

function inParts(fields: readonly string[]): readonly (readonly string[])[] {
  const parts: (readonly string[])[] = []
  for (let start = 0; start < fields.length; start += mostFields) parts.push(fields.slice(start, start + mostFields))
  return parts
}

/** Bodies that came when their rollout, or its spans, had been dropped are deleted: whoever dropped them did not see these. */
async function dropHomeless(
  { connection, keys }: RedisState,
  homes: readonly (readonly [key: string, rolloutId: string])[],
  texts: readonly (string | null)[],
): Promise<void> {
  const homeless = homes.flatMap(([key, id], index) => {
    const text = texts[index]
    if (text == null) return [key]
    const { ordinal, spans } = parseRollout(text)
    return keys.spans(id, placeOf(ordinal, spans.generation)) === key ? [] : [key]
  })
  if (homeless.length > 0) await connection.run((client) => Promise.all(homeless.map((key) => client.unlink(key))))
}

/** Writes bodies outside of scripts; they are acknowledged as scripts are. */
export function runOnBodies<Value>(
  { connection, keys }: RedisState,
  rolloutIds: ReadonlySet<string>,
  work: (client: Client, isAgain: boolean) => Promise<Value>,
): Promise<Value> {
  return connection.run(async (client, isAgain) => {
    const value = await work(client, isAgain)
    if (connection.confirm !== null) await connection.confirm(client, [...rolloutIds].map(keys.spansMarker))
    return value
  })
}

/** As it is stored. */
export function textOf({ sequence, field, body }: Pick<Place, 'sequence' | 'field' | 'body'>): string {
  return sequence === field ? body : `${sequence} ${body}`
}

function decodeBody(field: string, text: string): Span {
  const start = text.startsWith('{') ? 0 : text.indexOf(' ') + 1
  const span = readJson<Mutable<Span>>(start === 0 ? text : text.slice(start))
  span.sequence_id = Number(start === 0 ? field : text.slice(0, start - 1))
  return Object.freeze(span)
}

/** The next sequence ids; all rollouts are known before the first id is given. The count is the rollout's: the attempt may be any. */
export async function nextSequenceIds(
  state: RedisState,
  attempts: Parameters<LightningStore['getManySpanSequenceIds']>[0]['attempts'],
): Promise<readonly number[]> {
  if (attempts.length === 0) return []
  const reply = await state.calls.call(
    'nextSequenceIds',
    attempts.map(({ rolloutId }) => rolloutId),
  )
  const [word, ...rest] = reply as readonly [string, ...string[]]
  if (word === '+') return rest.map(Number)
  if (word === 'no-ids') checkSequenceId(Number(rest[0]))
  throw refusalOf(state, reply, rest[0] ?? '')
}

/** Where the spans of a rollout, or of one attempt, are. */
export interface Shelf {
  readonly rolloutId: string
  readonly key: string
  /** Spans that arrived. */
  readonly arrived: number
  /** Whether the order of arrival is that of the sequence ids. */
  readonly isOrdered: boolean
  /** Only this attempt's; null for all. */
  readonly attempt: number | null
}

/**
 * Without `sortBy` by sequence id; null asks for the order of arrival. Where only these orders are asked for, nothing but
 * the page is read, and where attempts or ids are mixed the index; otherwise the spans of the rollout in steps.
 * @throws AglError `gone`
 */
export async function querySpans(state: RedisState, query: SpanQuery): Promise<Page<Span>> {
  const { sortBy = 'sequence_id', sortOrder = 'asc', limit = -1, offset = 0 } = query
  const shelf = await findShelf(state, query)
  if (shelf === null) return pageOf<Span>([], null, { ...query, sortBy }, sortFields.spans)
  const matcher = matchSpans(query)
  if (matcher !== null || (sortBy !== null && sortBy !== 'sequence_id')) {
    const spans: Span[] = []
    for await (const span of readAllSpans(state, shelf)) if (matcher === null || matcher(span)) spans.push(span)
    return pageOf(spans, null, { ...query, sortBy }, sortFields.spans)
  }
  const order = sortBy === null ? 'arrival' : sortOrder
  const fields = await fieldsInOrder(state, shelf, order)
  const wanted = fields.slice(offset, limit === -1 ? undefined : offset + limit)
  const items = await readBodies(state, shelf, wanted)
  return { items, limit, offset, total: fields.length }
}

async function findShelf(state: RedisState, { rolloutId, attemptId }: SpanQuery): Promise<Shelf | null> {
  const { connection, keys } = state
  const text = await connection.run((client) => connection.get(client, keys.of('rollout', rolloutId)))
  if (text === null) return null
  const { ordinal, spans, latest } = parseRollout(text)
  const attempts = await attemptsOf(state, rolloutId, latest)
  const shelf = { rolloutId, key: keys.spans(rolloutId, placeOf(ordinal, spans.generation)), ...spans }
  const isGone = ({ letters }: { readonly letters: string }): boolean => letters.includes('G')
  if (attemptId === undefined) {
    if (attempts.some(isGone)) throw spansGone(rolloutId)
    return { ...shelf, attempt: null }
  }
  const asked = attemptId === 'latest' ? attempts.at(-1) : attempts.find(({ attempt }) => attempt.attempt_id === attemptId)
  if (asked === undefined) return null
  if (isGone(asked)) throw spansGone(rolloutId)
  return { ...shelf, attempt: attempts.length === 1 ? null : asked.attempt.sequence_id }
}

type Order = 'arrival' | 'asc' | 'desc'

/** The fields of the bodies that are there. */
async function fieldsInOrder(state: RedisState, shelf: Shelf, order: Order): Promise<readonly string[]> {
  const { connection, keys } = state
  const { key, arrived, isOrdered, attempt } = shelf
  const count = await connection.run((client) => client.hlen(key))
  if (count === arrived && attempt === null && (order === 'arrival' || isOrdered)) {
    const all = Array.from({ length: count }, (_, index) => String(index + 1))
    return order === 'desc' ? all.toReversed() : all
  }
  const [index, present] = await connection.run((client) =>
    Promise.all([
      client.hgetall(keys.of('spanIndex', shelf.rolloutId)),
      // A place without a body: its writer is between its two steps, or died there.
      count === arrived ? null : client.hkeys(key),
    ]),
  )
  const isThere = present === null ? null : new Set(present)
  const places = Object.entries(index).flatMap(([name, place]) => {
    const [field, sequence = field] = place.split(':') as [string, string?]
    if (attempt !== null && !name.startsWith(`${attempt}:`)) return []
    return isThere === null || isThere.has(field) ? [{ field, arrival: Number(field), sequence: Number(sequence) }] : []
  })
  const inOrder = places.sort((a, b) => {
    const bySequence = order === 'arrival' ? 0 : order === 'asc' ? a.sequence - b.sequence : b.sequence - a.sequence
    return bySequence === 0 ? a.arrival - b.arrival : bySequence
  })
  return inOrder.map(({ field }) => field)
}

async function readBodies({ connection }: RedisState, { key }: Shelf, fields: readonly string[]): Promise<readonly Span[]> {
  const spans: Span[] = []
  for (let start = 0; start < fields.length; start += stepSize) {
    const step = fields.slice(start, start + stepSize)
    const texts = await connection.run((client) => client.hmget(key, ...step))
    for (const [index, text] of texts.entries()) if (text !== null) spans.push(decodeBody(step[index]!, text))
  }
  return spans
}

/** In the order of arrival. */
export async function* readAllSpans(state: RedisState, shelf: Shelf): AsyncGenerator<Span, void, void> {
  const fields = await fieldsInOrder(state, shelf, 'arrival')
  for (let start = 0; start < fields.length; start += stepSize) {
    yield* await readBodies(state, shelf, fields.slice(start, start + stepSize))
  }
}

/** Where the spans of a rollout lie; see `throw_away_spans` of `include/remove.lua`. */
export function placeOf(ordinal: number, generation: string): string {
  return generation === '' ? String(ordinal) : `${ordinal}.${generation}`
}
