import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type AglError, errorMessage } from '@agl/types'
import { apiHeader, apiPrefixes, apiVersion } from '../wire/paths.ts'
import { createFetchExchange, type Exchange, type Incoming, type Sending } from './exchange.ts'
import { type Asked, badReply, errorOfReply, isTransient, redirected, tooLate, unreachable, wasNeverSent } from './errors.ts'
import { parseJson } from './json.ts'
import { createNodeExchange } from './node-exchange.ts'
import { stringifyWithOddNumbers } from '../wire/stringify.ts'
import type { ResolvedOptions } from './options.ts'
import { type Outcome, retryAfterOf, withRetries } from './retries.ts'
import { createDeadline, createScopes, type Deadline, type Scope, type Scopes } from './scopes.ts'
import { createServerPool, type Server, type ServerPool } from './servers.ts'

const gzipped = promisify(gzip)
const prefix = apiPrefixes[0]!

/** One request of the API. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the API's prefix, its parts percent-encoded. */
  readonly path: string
  /** Parameters; those that are null or undefined are left out. */
  readonly query?: Readonly<Record<string, unknown>>
  /** What is sent as JSON; absent = no body. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** How long the server may hold the request, in milliseconds, on top of the time of a request. */
  readonly parkMs?: number
  /** Default true. See {@link withRetries}. */
  readonly isRepeatable?: boolean
}

export interface Reply {
  readonly value: unknown
  readonly header: Incoming['header']
  readonly asked: Asked
  /** Whether an earlier try may have been carried out. */
  readonly isRepeated: boolean
}

/** A reply that comes bit by bit. */
export interface Stream {
  readonly header: Incoming['header']
  readonly asked: Asked
  readonly body: ReadableStream<Uint8Array>
  /** Aborts the reading when no more bytes come for a while, or when the call is to end. */
  readonly deadline: Deadline
}

/** The way to the servers: what is asked is tried, tried again and tried elsewhere until there is an answer. */
export interface Connection {
  readonly pool: ServerPool
  readonly scopes: Scopes
  /** Whether the server is one of ours, as the first reply told. */
  isOurs: boolean
  /** @throws AglError what the server answered, `upstream_failed` or `timeout`; the reason of the signal */
  call(request: ApiRequest, scope?: Scope): Promise<Reply>
  /**
   * Opens a stream; tries again only until its head is there. Whoever gets it ends the deadline.
   * @param idleMs the longest time without a byte
   */
  open(request: ApiRequest & { readonly scope: Scope; readonly idleMs: number }): Promise<Stream>
  /** One try with a body that cannot be sent twice. `deadline` is the caller's. */
  upload(request: ApiRequest & { readonly stream: ReadableStream<Uint8Array>; readonly deadline: Deadline }): Promise<Reply>
  /** Lets idle connections go that are nobody else's. */
  close(): void
}

type Payload = Pick<Sending, 'body' | 'headers'>

export function createConnection(options: ResolvedOptions): Connection {
  const { clock, requestTimeoutMs, compressAboveBytes } = options
  const pool = createServerPool(options.servers)
  const scopes = createScopes()
  const retryParts = { ...options, pool }

  async function payloadOf({ body }: ApiRequest): Promise<Payload> {
    if (body === undefined) return { body: null, headers: {} }
    const text = stringifyWithOddNumbers(body)
    const headers = { 'content-type': 'application/json' }
    // The Python server takes no compressed JSON. A text has at least as many bytes as characters, at most thrice.
    if (!connection.isOurs || text.length * 3 <= compressAboveBytes || Buffer.byteLength(text) <= compressAboveBytes) {
      return { body: text, headers }
    }
    const compressed = await gzipped(text, { level: 1 })
    return { body: compressed as Uint8Array<ArrayBuffer>, headers: { ...headers, 'content-encoding': 'gzip' } }
  }

  const exchanges = new Map<Server, Exchange>()

  function exchangeWith(server: Server): Exchange {
    const known = exchanges.get(server)
    if (known !== undefined) return known
    const isOwn = options.fetch === null || server.socketPath !== null
    const opened = isOwn ? createNodeExchange(server) : createFetchExchange(server.url, options.fetch)
    exchanges.set(server, opened)
    return opened
  }

  function send(server: Server, request: ApiRequest, { body, headers }: Payload, signal: AbortSignal): Promise<Incoming> {
    return exchangeWith(server).send({
      method: request.method,
      path: `${prefix}${request.path}${queryOf(request.query)}`,
      headers: {
        accept: 'application/json',
        [apiHeader]: apiVersion,
        ...(server.authorization === null ? {} : { authorization: server.authorization }),
        ...headers,
        ...request.headers,
      },
      body,
      signal,
    })
  }

  /** One try, to the last byte where `read` reads it. */
  async function attempt<Value>(
    server: Server,
    request: ApiRequest,
    payload: Payload,
    deadline: Deadline,
    read: (incoming: Incoming, asked: Asked) => Promise<Outcome<Value>>,
  ): Promise<Outcome<Value>> {
    const asked: Asked = { method: request.method, path: `${prefix}${request.path}`, server }
    try {
      const incoming = await send(server, request, payload, deadline.signal)
      const { status } = incoming
      if (status >= 300 && status < 400) {
        incoming.discard()
        return final(redirected(asked, status))
      }
      if (status >= 200 && status < 300) return await read(incoming, asked)
      const error = errorOfReply(asked, status, parsedOrText(await incoming.text()))
      return {
        failure: {
          error,
          isTransient: isTransient(status, error),
          isOfServer: status === 502 || status === 503 || status === 504,
          // A proxy may say 503 after a server has done it; ours says it before it does anything.
          mayBeDone: status !== 429 && error.code !== 'closed',
          retryAfterMs: retryAfterOf(incoming.header('retry-after')),
        },
      }
    } catch (thrown) {
      const error = deadline.isOver ? tooLate(asked, deadline.milliseconds) : unreachable(asked, thrown)
      const mayBeDone = deadline.isOver || !wasNeverSent(thrown)
      return { failure: { error, isTransient: true, isOfServer: true, mayBeDone, retryAfterMs: null } }
    }
  }

  const connection: Connection = {
    pool,
    scopes,
    isOurs: false,

    async call(request, given) {
      const scope = given ?? scopes.open()
      try {
        scope.signal.throwIfAborted()
        const payload = await payloadOf(request)
        const { signal } = scope
        const { value, isRepeated } = await withRetries(
          retryParts,
          { signal, isRepeatable: request.isRepeatable ?? true },
          async (server) => {
            const deadline = createDeadline(clock, requestTimeoutMs + (request.parkMs ?? 0), signal)
            try {
              return await attempt(server, request, payload, deadline, readJson)
            } finally {
              deadline.end()
            }
          },
        )
        return { ...value, isRepeated }
      } finally {
        if (given === undefined) scope.end()
      }
    },

    async open({ scope, idleMs, ...request }) {
      const payload = await payloadOf(request)
      const { value } = await withRetries(retryParts, { signal: scope.signal, isRepeatable: true }, async (server) => {
        const deadline = createDeadline(clock, idleMs, scope.signal)
        const outcome = await attempt<Stream>(server, request, payload, deadline, async (incoming, asked) => {
          const body = incoming.stream()
          const { header } = incoming
          return body === null ? final(badReply(asked, 'answered nothing.')) : { value: { body, header, asked, deadline } }
        })
        if ('failure' in outcome) deadline.end()
        return outcome
      })
      return value
    },

    async upload({ stream, deadline, ...request }) {
      const payload: Payload = { body: stream, headers: { 'content-type': 'application/x-ndjson' } }
      const outcome = await attempt(pool.current(), request, payload, deadline, readJson)
      if ('value' in outcome) return { ...outcome.value, isRepeated: false }
      throw outcome.failure.error
    },

    close() {
      for (const exchange of exchanges.values()) exchange.close()
    },
  }
  return connection
}

function final<Value>(error: AglError): Outcome<Value> {
  return { failure: { error, isTransient: false, isOfServer: false, mayBeDone: true, retryAfterMs: null } }
}

async function readJson({ header, text: read }: Incoming, asked: Asked): Promise<Outcome<Omit<Reply, 'isRepeated'>>> {
  const text = await read()
  const type = header('content-type') ?? 'no type'
  if (!/^application\/(?:json|[^;]+\+json)\s*(?:;|$)/i.test(type)) {
    return final(badReply(asked, `expected a reply of application/json; got ${type}.`))
  }
  try {
    return { value: { value: parseJson(text), header, asked } }
  } catch (error) {
    return final(badReply(asked, `the reply is no JSON (${errorMessage(error)}).`, error))
  }
}

function parsedOrText(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return null
  }
}

function queryOf(query: ApiRequest['query']): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null)
  if (given.length === 0) return ''
  return `?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString()}`
}
