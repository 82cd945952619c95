import { AglError, errorMessage, isPlainObject, type StoreEvent, type WatchRequest } from '@agl/types'
import { createParser } from 'eventsource-parser'
import { z } from 'zod'
import { checkOpen, type Client, needOurs } from './client.ts'
import type { Stream } from './connection.ts'
import { badReply } from './errors.ts'
import { leavable } from './iterate.ts'
import { parseJson } from './json.ts'
import { anAlias, anAttempt, aRollout, read } from './replies.ts'
import { pause, type Scope } from './scopes.ts'

/** The server says something every 15 s; a connection that is silent for longer than this is dead, in milliseconds. */
export const longestSilenceMs = 45_000

const shared = { cursor: z.string(), time: z.number() }
const eventSchemas: Readonly<Record<StoreEvent['type'], z.ZodType>> = {
  rollout: z.object({ ...shared, type: z.string(), rollout: aRollout }),
  rollout_deleted: z.object({ ...shared, type: z.string(), rollout_id: z.string() }),
  attempt: z.object({ ...shared, type: z.string(), attempt: anAttempt }),
  resources: z.object({
    ...shared,
    type: z.string(),
    resources: z.object({ resources_id: z.string(), create_time: z.number(), update_time: z.number(), version: z.int() }),
  }),
  resources_deleted: z.object({ ...shared, type: z.string(), resources_id: z.string(), version: z.int() }),
  resources_alias: z.object({ ...shared, type: z.string(), alias: z.string(), target: anAlias.nullable() }),
}

/**
 * The feed of the server, as server-sent events. A connection that is lost is opened again after the last cursor, so that
 * nothing is lost and nothing comes twice; it fails when the server is away for longer than calls are tried, and may then be
 * begun again after the last event's cursor.
 */
export function watch(client: Client, request: WatchRequest): AsyncIterable<StoreEvent> {
  const { signal } = request
  const open = (): Scope => {
    checkOpen(client)
    needOurs(client, 'watch')
    signal?.throwIfAborted()
    return client.connection.scopes.open(signal)
  }
  return leavable(open, (scope) => events(client, request, scope))
}

/** What one connection told: an event, or only how far the feed is. */
interface Message {
  readonly cursor: string | null
  readonly data: string | null
}

async function* events(client: Client, { after, onOpen }: WatchRequest, scope: Scope): AsyncGenerator<StoreEvent, void, void> {
  const { connection, options } = client
  let cursor = after ?? null
  let isOpen = false
  // Connections in a row that told no event.
  let silent = 0
  for (;;) {
    const stream = await connection.open({
      method: 'GET',
      path: '/events',
      headers: { accept: 'text/event-stream', ...(cursor === null ? {} : { 'last-event-id': cursor }) },
      scope,
      idleMs: longestSilenceMs,
    })
    try {
      checkType(stream)
      for await (const message of messages(stream)) {
        cursor = message.cursor ?? cursor
        if (!isOpen && cursor !== null && message.data === null) onOpen?.(cursor)
        isOpen = true
        if (message.data === null) continue
        silent = 0
        const event = toEvent(message.data, stream)
        if (event !== null) yield event
      }
      options.logger.debug('the feed ended; it is opened again', { cursor })
    } catch (error) {
      scope.signal.throwIfAborted()
      if (AglError.isInstance(error)) throw error
      options.logger.warn('the feed was lost; it is opened again', { cursor, error: errorMessage(error) })
    } finally {
      stream.deadline.abort()
      stream.deadline.end()
    }
    scope.signal.throwIfAborted()
    if (cursor === null) throw lostBeforeFirst(stream)
    const { retry, random, clock } = options
    if (silent > 0) await pause(clock, random() * Math.min(retry.maxMs, retry.baseMs * 2 ** silent), scope.signal)
    silent++
  }
}

/** Nobody knows what has happened since: the connection broke before its first bytes had come. */
function lostBeforeFirst({ asked }: Stream): AglError {
  return new AglError({
    code: 'cursor_expired',
    message: `The feed of ${asked.server.url} was lost before it told where it begins: read the present state and watch from now on.`,
    data: { server: asked.server.url },
  })
}

function checkType({ header, asked }: Stream): void {
  const type = header('content-type') ?? 'no type'
  if (!type.startsWith('text/event-stream')) throw badReply(asked, `expected a reply of text/event-stream; got ${type}.`)
}

/** Ends when the server ends the stream; throws what the reading throws. */
async function* messages({ body, deadline }: Stream): AsyncGenerator<Message, void, void> {
  let waiting: Message[] = []
  let named: string | null = null
  const parser = createParser({
    // Comes before the event of its block, and alone where there is none.
    onId(id) {
      named = id
      waiting.push({ cursor: id, data: null })
    },
    onEvent({ event, id, data }) {
      // A named one is no event of the store: the server says why it ends the feed, and tells it again when it is asked anew.
      if (event !== undefined) return
      if (id !== undefined && id === named) waiting.pop()
      waiting.push({ cursor: id ?? null, data })
    },
  })
  const decoder = new TextDecoder()
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    deadline.extend()
    parser.feed(decoder.decode(value, { stream: true }))
    const batch = waiting
    waiting = []
    yield* batch
    // The reader of the feed may have taken its time.
    if (batch.length > 0) deadline.extend()
  }
}

/** Null for a kind that this version does not know: a later server may tell more. */
function toEvent(data: string, { asked }: Stream): StoreEvent | null {
  const value = parseEvent(data, asked)
  const type = isPlainObject(value) ? value.type : undefined
  if (typeof type !== 'string' || !Object.hasOwn(eventSchemas, type)) return null
  return Object.freeze(read({ value, asked }, eventSchemas[type as StoreEvent['type']])) as StoreEvent
}

function parseEvent(data: string, asked: Stream['asked']): unknown {
  try {
    return parseJson(data)
  } catch (error) {
    throw badReply(asked, `an event is no JSON (${errorMessage(error)}).`, error)
  }
}
