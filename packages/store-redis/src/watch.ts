import { cursorExpired, eventLogLimits, formatCursor, parseCursor } from '@agl/store-kit'
import type { StoreEvent, WatchRequest } from '@agl/types'
import { decodeAttempt, decodeRollout, inputPart, parseRollout, separator } from './records.ts'
import { readRollouts } from './rollouts.ts'
import type { RedisState } from './state.ts'

/** Entries of the stream read at a time. */
const pageSize = 100

/** How the feed stands. */
interface Feed {
  readonly name: string
  /** Of its last event. */
  readonly position: number
  /** Of the server, in epoch seconds. */
  readonly now: number
}

/** Everything after the cursor, or after this call. Each iteration starts there anew. */
export function watch(state: RedisState, request: WatchRequest): AsyncIterable<StoreEvent> {
  const start = state.isClosed ? null : findStart(state, request.after)
  // Who never iterates is not told; who does is told there.
  start?.catch(() => {})
  return { [Symbol.asyncIterator]: () => iterate(state, start, request) }
}

/** Also says that somebody watches, which must be said again and again. */
async function readFeed({ calls, ids }: RedisState): Promise<Feed> {
  // A name of 12 lower-case letters and digits that no other feed has.
  const name = ids.resourcesId().slice(-12)
  const [, present, position, now] = (await calls.call('watch', [name])) as unknown as readonly [string, string, number, string]
  return { name: present, position, now: Number(now) }
}

/** @throws AglError `cursor_expired`, and `invalid_argument` for a text that is no cursor */
async function findStart(
  state: RedisState,
  after: string | undefined,
): Promise<{ readonly name: string; readonly position: number }> {
  const asked = after === undefined ? null : parseCursor(after)
  await state.wakes.listen()
  const { name, position } = await readFeed(state)
  if (asked === null) return { name, position }
  if (asked.log !== name || asked.position > position) throw cursorExpired(after!)
  return { name, position: asked.position }
}

function iterate(
  state: RedisState,
  start: Promise<{ readonly name: string; readonly position: number }> | null,
  { signal, onOpen }: WatchRequest,
): AsyncIterator<StoreEvent> {
  let place: { readonly name: string; position: number } | null = null
  let page: StoreEvent[] = []
  let isOpen = false
  let isOver = false
  let hasNews = false
  let wake = (): void => {}

  const stop = state.wakes.onEvents(() => {
    hasNews = true
    wake()
  })
  const end = (): void => {
    isOver = true
    stop()
  }

  const waitForMore = (): Promise<void> =>
    new Promise((resolve) => {
      wake = () => {
        wake = () => {}
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      signal?.addEventListener('abort', wake)
      if (hasNews || isOver || signal?.aborted === true) wake()
    })

  const read = async (): Promise<IteratorResult<StoreEvent>> => {
    for (;;) {
      if (isOver) return { done: true, value: undefined }
      signal?.throwIfAborted()
      state.throwIfClosed()
      place ??= { ...(await start!) }
      const event = page.shift()
      if (event !== undefined) return { done: false, value: event }
      hasNews = false
      const from = formatCursor(place.name, place.position)
      page = [...(await readPage(state, place))]
      if (!isOpen) onOpen?.(from)
      isOpen = true
      if (page.length > 0 || isOver) continue
      signal?.throwIfAborted()
      state.throwIfClosed()
      await waitForMore()
    }
  }

  // One read at a time: reads share the page and the place.
  let last: Promise<unknown> = Promise.resolve()
  const readInTurn = (): Promise<IteratorResult<StoreEvent>> => {
    const result = last
      .then(() => read())
      .catch((error: unknown) => {
        end()
        throw error
      })
    last = result.catch(() => {})
    return result
  }

  return {
    next: readInTurn,
    async return() {
      end()
      wake()
      return { done: true, value: undefined }
    },
  }
}

/** One entry of the stream holds the events of one script; its id is the place of the last of them. */
async function readPage(state: RedisState, place: { readonly name: string; position: number }): Promise<readonly StoreEvent[]> {
  const { connection, keys } = state
  const { name, position, now } = await readFeed(state)
  const expired = (): Error => cursorExpired(formatCursor(place.name, place.position))
  if (name !== place.name) throw expired()
  if (position === place.position) return []
  const entries = await connection.run((client) =>
    client.xrange(keys.of('feed'), `${place.position + 1}-0`, '+', 'COUNT', pageSize),
  )
  const found = entries.flatMap(([id, [, text]]) => {
    const told = JSON.parse(text!) as readonly (readonly string[])[]
    const lastPosition = Number(id.split('-')[0])
    return told.map((event, index) => ({ event, position: lastPosition - told.length + 1 + index }))
  })
  const news = found.filter((item) => item.position > place.position)
  const [first] = news
  if (first === undefined || first.position !== place.position + 1) throw expired()
  if (Number(first.event[1]) < now - eventLogLimits.maxAgeSeconds) throw expired()
  const inputs = await readInputs(
    state,
    news.map(({ event }) => event),
  )
  place.position = news.at(-1)!.position
  return news.map((item) => toEvent(item.event, formatCursor(name, item.position), inputs))
}

/** A rollout's input is read from the rollout: it is the present one, and null when the rollout has been deleted. */
async function readInputs(state: RedisState, events: readonly (readonly string[])[]): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(events.flatMap(([type, , id]) => (type === 'r' ? [id!] : [])))]
  const rows = await readRollouts(state, ids)
  return new Map(
    rows.flatMap((row) => (row === null ? [] : [[nameOf(row[0], parseRollout(row[1])), inputPart(row[2] ?? '')] as const])),
  )
}

/** Apart from a rollout that had the same id before. */
function nameOf(rolloutId: string, { ordinal }: { readonly ordinal: number }): string {
  return `${rolloutId}/${ordinal}`
}

function toEvent([type, time, id, ...rest]: readonly string[], cursor: string, inputs: ReadonlyMap<string, string>): StoreEvent {
  const place = { cursor, time: Number(time) }
  switch (type) {
    case 'r': {
      const [text, cold] = rest as [string, string]
      const input = inputs.get(nameOf(id!, parseRollout(text))) ?? ''
      return { type: 'rollout', rollout: decodeRollout([id!, text, cold + separator + input]), ...place }
    }
    case 'a':
      return { type: 'attempt', attempt: decodeAttempt(id!, rest[0]!).attempt, ...place }
    case 'd':
      return { type: 'rollout_deleted', rollout_id: id!, ...place }
    case 'v': {
      const [version, created, updated] = rest.map(Number) as [number, number, number]
      const resources = { resources_id: id!, create_time: created, update_time: updated, version }
      return { type: 'resources', resources, ...place }
    }
    case 'x':
      return { type: 'resources_deleted', resources_id: id!, version: Number(rest[0]), ...place }
    default: {
      const [version, updated, resourcesId] = rest as [string, string, string]
      const target = { alias: id!, resources_id: resourcesId, version: Number(version), update_time: Number(updated) }
      return { type: 'resources_alias', alias: id!, target: version === '' ? null : target, ...place }
    }
  }
}
