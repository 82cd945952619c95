import { AglError, type StoreEvent, type WatchRequest } from '@agl/types'
import type { Clock } from './clock.ts'

/** How far back a cursor may lie. */
export const eventLogLimits: Readonly<{ maxEvents: number; maxAgeSeconds: number }> = Object.freeze({
  maxEvents: 100_000,
  maxAgeSeconds: 600,
})

/** An event without what the log adds to it. */
export type NewStoreEvent = StoreEvent extends infer Event
  ? Event extends StoreEvent
    ? Omit<Event, 'cursor' | 'time'>
    : never
  : never

/**
 * The ordered feed of one process: one log that all watchers read, each at its own place, so that a slow one costs no
 * memory and is told `cursor_expired` when the log has moved past its place.
 */
export interface EventLog {
  /**
   * False while nobody has watched for as long as a cursor lives: events may be left out then. Every cursor from before
   * has expired when somebody watches again. Making the event is the costly part of an append.
   */
  readonly isActive: boolean
  readonly size: number
  append(event: NewStoreEvent): void
  /**
   * Everything after the cursor, or after this call. Each iteration starts there anew.
   * @throws AglError `cursor_expired`, and `invalid_argument` for a text that is no cursor, on the first read
   */
  watch(request: WatchRequest): AsyncIterable<StoreEvent>
  /** Ends every iteration with this reason. */
  close(reason: unknown): void
}

const cursorPattern = /^([0-9a-z]+)-(0|[1-9][0-9]{0,15})$/

/** A cursor as text: which log, and how many events of it were read. */
export function formatCursor(log: string, position: number): string {
  return `${log}-${position}`
}

/** @throws AglError `invalid_argument` */
export function parseCursor(cursor: string): { readonly log: string; readonly position: number } {
  const match = cursorPattern.exec(cursor)
  if (match !== null) return { log: match[1]!, position: Number(match[2]) }
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected the \`cursor\` of an event as \`after\`; got ${JSON.stringify(cursor.slice(0, 100))}.`,
    data: { field: 'after' },
  })
}

export function cursorExpired(cursor: string): AglError {
  return new AglError({
    code: 'cursor_expired',
    message: `The cursor ${cursor} is older than this feed reaches (10 minutes or 100,000 events), or of another store: read the present state and watch from now on.`,
    data: { cursor },
  })
}

/** @param parts.log names the log in cursors: lower-case letters and digits, different for each log */
export function createEventLog(parts: {
  readonly clock: Clock
  readonly log: string
  readonly maxEvents?: number
  readonly maxAgeSeconds?: number
}): EventLog {
  const { clock, log, maxEvents = eventLogLimits.maxEvents, maxAgeSeconds = eventLogLimits.maxAgeSeconds } = parts
  // The event with number n (the first is 1) is at n - 1 - dropped; the cursor of an event is its number.
  let events: StoreEvent[] = []
  let head = 0
  let appended = 0
  let watchers = 0
  let lastWatch = -Infinity
  let closed: { readonly reason: unknown } | null = null
  const parked = new Set<() => void>()

  const oldest = (): number => appended - (events.length - head)
  const trim = (): void => {
    const past = clock.now() - maxAgeSeconds
    while (head < events.length && (events.length - head > maxEvents || events[head]!.time < past)) head++
    if (head > 1024 && head * 2 >= events.length) {
      events = events.slice(head)
      head = 0
    }
  }
  const isActive = (): boolean => watchers > 0 || (lastWatch !== -Infinity && clock.now() - lastWatch <= maxAgeSeconds)
  // Before somebody watches again: what happened since then was left out, so that no cursor from before leads on.
  const noteGap = (): void => {
    if (isActive() || lastWatch === -Infinity) return
    appended++
    events = []
    head = 0
  }
  const append = (event: NewStoreEvent): void => {
    appended++
    events.push({ ...event, cursor: formatCursor(log, appended), time: clock.now() } as StoreEvent)
    trim()
    for (const wake of parked) wake()
  }
  const placeOf = (after: string): number => {
    const { log: named, position } = parseCursor(after)
    if (named !== log || position > appended) throw cursorExpired(after)
    return position
  }

  const iterate = (start: () => number, { signal, onOpen }: WatchRequest): AsyncIterator<StoreEvent> => {
    let position: number | null = null
    let isOver = false
    const end = (): void => {
      if (isOver) return
      isOver = true
      watchers--
      lastWatch = clock.now()
    }
    noteGap()
    watchers++
    const waitForMore = (): Promise<void> =>
      new Promise((resolve) => {
        const wake = (): void => {
          parked.delete(wake)
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        parked.add(wake)
        signal?.addEventListener('abort', wake)
      })
    const read = async (): Promise<IteratorResult<StoreEvent>> => {
      for (;;) {
        if (isOver) return { done: true, value: undefined }
        signal?.throwIfAborted()
        if (closed !== null) throw closed.reason
        const isOpening = position === null
        position ??= start()
        trim()
        if (position < oldest()) throw cursorExpired(formatCursor(log, position))
        if (isOpening) onOpen?.(formatCursor(log, position))
        const event = events[head + position - oldest()]
        if (event !== undefined) {
          position++
          return { done: false, value: event }
        }
        await waitForMore()
      }
    }
    return {
      next: () =>
        read().catch((error: unknown) => {
          end()
          throw error
        }),
      return: async () => {
        end()
        for (const wake of parked) wake()
        return { done: true, value: undefined }
      },
    }
  }

  return {
    append,
    watch(request) {
      const { after } = request
      noteGap()
      lastWatch = clock.now()
      const now = appended
      return { [Symbol.asyncIterator]: () => iterate(() => (after === undefined ? now : placeOf(after)), request) }
    },
    close(reason) {
      closed = { reason }
      for (const wake of parked) wake()
    },
    get isActive() {
      return isActive()
    },
    get size() {
      return events.length - head
    },
  }
}
