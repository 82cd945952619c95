import { cursorExpired, formatCursor, parseCursor, readInputText, readRecord } from '@agl/store-kit'
import type { StoreEvent, WatchRequest } from '@agl/types'
import type { Engine } from './engine.ts'
import { eventLifetimeSeconds } from './events.ts'
import type { Reading, SqliteState } from './state.ts'
import { lastEvent } from './wakes.ts'

/** Events read at a time. */
const pageSize = 100

/** Everything after the cursor, or after this call. Each iteration starts there anew. */
export function watch(engine: Engine, state: SqliteState, request: WatchRequest): AsyncIterable<StoreEvent> {
  const { after } = request
  const start = engine.read((reading) => (after === undefined ? lastEvent(reading) : placeOf(reading, after)))
  // Who never iterates is not told; who does is told there.
  start.catch(() => {})
  return { [Symbol.asyncIterator]: () => iterate(engine, state, start, request) }
}

/** @throws AglError `cursor_expired`, and `invalid_argument` for a text that is no cursor */
function placeOf(reading: Reading, after: string): number {
  const { log, position } = parseCursor(after)
  if (log !== feedName(reading) || position > lastEvent(reading)) throw cursorExpired(after)
  return position
}

function feedName({ database }: Reading): string {
  return database.get<{ log: string }>('SELECT log FROM feed')!.log
}

function iterate(
  engine: Engine,
  state: SqliteState,
  start: Promise<number>,
  { signal, onOpen }: WatchRequest,
): AsyncIterator<StoreEvent> {
  let position: number | null = null
  let page: StoreEvent[] = []
  let isOpen = false
  let isOver = false
  let wake = (): void => {}

  const waitForMore = (): Promise<void> =>
    new Promise((resolve) => {
      const stop = engine.wakes.onChange(() => wake())
      wake = () => {
        stop()
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      signal?.addEventListener('abort', wake)
    })

  const read = async (): Promise<IteratorResult<StoreEvent>> => {
    for (;;) {
      if (isOver) return { done: true, value: undefined }
      signal?.throwIfAborted()
      engine.throwIfClosed()
      position ??= await start
      const event = page.shift()
      if (event !== undefined) return { done: false, value: event }
      const from = position
      const found = await engine.read((reading) => readPage(state, reading, from))
      page = [...found.events]
      position = found.position
      if (!isOpen) onOpen?.(formatCursor(found.log, from))
      isOpen = true
      if (page.length > 0 || isOver) continue
      // Whoever ended it while the page was read has called nobody back.
      signal?.throwIfAborted()
      engine.throwIfClosed()
      await waitForMore()
    }
  }

  // One read at a time: reads share the page and the place.
  let last: Promise<unknown> = Promise.resolve()
  const readInTurn = (): Promise<IteratorResult<StoreEvent>> => {
    const result = last
      .then(() => read())
      .catch((error: unknown) => {
        isOver = true
        throw error
      })
    last = result.catch(() => {})
    return result
  }

  return {
    next: readInTurn,
    async return() {
      isOver = true
      wake()
      return { done: true, value: undefined }
    },
  }
}

interface StoredEvent {
  readonly id: number
  readonly time: number
  readonly event: string
  readonly input: string | null
}

function readPage(
  state: SqliteState,
  reading: Reading,
  position: number,
): { readonly events: readonly StoreEvent[]; readonly log: string; readonly position: number } {
  const stored = reading.database.all<StoredEvent>(
    `SELECT id, time, event, input FROM events
     LEFT JOIN rollouts ON events.type = 'rollout' AND rollouts.rollout_id = events.rollout_id
     LEFT JOIN inputs ON inputs.rollout = rollouts.ordinal
     WHERE id > ? ORDER BY id LIMIT ?`,
    position,
    pageSize,
  )
  const [first] = stored
  const log = feedName(reading)
  if (first === undefined) return { events: [], log, position }
  const isTrimmed = first.id !== position + 1 || first.time < state.clock.now() - eventLifetimeSeconds
  if (isTrimmed) throw cursorExpired(formatCursor(log, position))
  return { events: stored.map((event) => toEvent(log, event)), log, position: stored.at(-1)!.id }
}

/** A rollout's input is read from the rollout: it is the present one, and null when the rollout has been deleted. */
function toEvent(log: string, { id, time, event, input }: StoredEvent): StoreEvent {
  const happened = JSON.parse(event) as StoreEvent
  const place = { cursor: formatCursor(log, id), time }
  if (happened.type === 'attempt') return { ...happened, attempt: Object.freeze(readRecord(happened.attempt)), ...place }
  if (happened.type !== 'rollout') return { ...happened, ...place }
  const known = readRecord(happened.rollout)
  const rollout = input === null ? known : { ...known, input: readInputText(input) }
  return { ...happened, rollout: Object.freeze(rollout), ...place }
}
