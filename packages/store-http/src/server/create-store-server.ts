import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  AglError,
  childLogger,
  errorMessage,
  implementing,
  type LightningStore,
  type Logger,
  parseOptions,
  type ReadableMetrics,
  silentLogger,
} from '@agl/types'
import { z } from 'zod'
import { socketUrlOf } from '../wire/socket-url.ts'
import { createApp } from './app.ts'
import { type AccessToken, checkExposure, createAuthenticator, isLoopback } from './auth/index.ts'
import { type BodyLimits, resolveBodyLimits } from './body.ts'
import { trackConnections } from './connections.ts'
import { createCors } from './cors.ts'
import { createKeyedClaims } from './keyed-claims.ts'
import { createPrometheusMetrics } from '../metrics/prometheus.ts'
import { createMetrics } from './metrics.ts'

export interface StoreServerOptions {
  /** The store that is served; opened and closed by the caller. */
  readonly store: LightningStore
  /** What the server calls the store, as in its statistics. Default: the store's own name. */
  readonly storeName?: string
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Default 4747, as the reference; 0 takes any free port. */
  readonly port?: number
  /**
   * Listens on a Unix domain socket, on Windows on a named pipe, and on no port. Who may use it is a matter of the folder it lies
   * in: no token is asked for unless some are given. Not together with `host` or `port`.
   */
  readonly socketPath?: string
  /** The longest that a call of our clients is parked, in milliseconds; they ask again. Default 30 s. */
  readonly maxWaitMs?: number
  /** How many rows of a list are read from the store and held at a time; longer answers are read in parts. Default 5000. */
  readonly maxPageSize?: number
  /** How long `close` waits for answers in the making, in milliseconds. Default 5 s. */
  readonly graceMs?: number
  /** Who may do what. Without any, everybody who reaches the server is admin, and it listens on loopback only. */
  readonly tokens?: readonly AccessToken[]
  /** More tokens, from a file: lines of `role:token[:name]`, or JSON. */
  readonly tokenFile?: string
  /** Signs the tokens of attempts, at least 32 characters. Default: made from the tokens, the same for all servers that have these. */
  readonly attemptTokenSecret?: string
  /** Listens beyond this machine without any token. Default: refused. */
  readonly allowUnauthenticated?: boolean
  /** Web origins whose pages may call. Default: none. */
  readonly corsOrigins?: readonly string[]
  /** What a body may be. Default: 16 MiB as it comes, 64 MiB unpacked, within 30 s. */
  readonly body?: Partial<BodyLimits>
  /**
   * Whether requests, calls of the store and finished rollouts are counted for `/v1/prometheus`; or where, for what others of this
   * process count to be read there too: `createPrometheusMetrics()`. Default true.
   */
  readonly metrics?: boolean | ReadableMetrics
  /** Default: silent. */
  readonly logger?: Logger
}

/** The defaults of {@link StoreServerOptions}. */
export const storeServerDefaults: Readonly<{
  host: string
  port: number
  maxWaitMs: number
  maxPageSize: number
  graceMs: number
  metrics: boolean
  logger: Logger
}> = Object.freeze({
  host: '127.0.0.1',
  port: 4747,
  maxWaitMs: 30_000,
  maxPageSize: 5000,
  graceMs: 5000,
  metrics: true,
  logger: silentLogger,
})

/** A store over HTTP, from `start` to `close`. */
export interface StoreServer extends AsyncDisposable {
  /** `url` is what clients of ours and of Python take. Once only. */
  start(): Promise<{ readonly url: string }>
  /** Takes no more requests, ends parked calls, and lets answers in the making be finished. The store stays open. */
  close(): Promise<void>
}

const optionsSchema = z.strictObject({
  store: implementing<LightningStore>('a store', 'enqueueRollout', 'dequeueManyRollouts', 'querySpans'),
  storeName: z.string().min(1).max(100).optional(),
  host: z.string().min(1).optional(),
  port: z.int().min(0).max(65_535).optional(),
  socketPath: z.string().min(1).optional(),
  maxWaitMs: z.number().min(1).max(600_000).optional(),
  maxPageSize: z.int().min(1).optional(),
  graceMs: z.number().min(0).max(600_000).optional(),
  tokens: z.array(z.unknown()).optional(),
  tokenFile: z.string().min(1).optional(),
  attemptTokenSecret: z.string().optional(),
  allowUnauthenticated: z.boolean().optional(),
  corsOrigins: z.array(z.string()).optional(),
  body: z.record(z.string(), z.unknown()).optional(),
  metrics: z
    .union([z.boolean(), implementing<ReadableMetrics>('true, false, or metrics that can be read', 'counter', 'age', 'read')])
    .optional(),
  logger: implementing<Logger>('a Logger', 'debug', 'info', 'warn', 'error').optional(),
})

/** Longer than clients keep idle connections: a request into one that was just closed would be lost. */
const keepAliveMs = 65_000

/** @throws AglError `invalid_argument` for options that are unknown or do not fit */
export function createStoreServer(options: StoreServerOptions): StoreServer {
  const { store, host, port, maxWaitMs, maxPageSize, graceMs, ...rest } = parseOptions(
    optionsSchema,
    options,
    storeServerDefaults,
    'options of createStoreServer',
  )
  const { tokens, tokenFile, attemptTokenSecret, allowUnauthenticated, corsOrigins, socketPath } = rest
  const logger = childLogger(rest.logger, 'store.server')
  if (socketPath !== undefined && (options.host ?? options.port) !== undefined) {
    throw new AglError({
      code: 'invalid_argument',
      message: 'Expected either a `socketPath` or a `host` and `port` in the options of createStoreServer; got both.',
    })
  }
  const authenticator = createAuthenticator({
    logger,
    ...(tokens === undefined ? {} : { tokens }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(attemptTokenSecret === undefined ? {} : { attemptTokenSecret }),
  })
  // No web page reaches a socket.
  const isOpen = !authenticator.hasTokens && socketPath === undefined && isLoopback(host)
  const closing = new AbortController()
  const registry = rest.metrics === true ? createPrometheusMetrics() : rest.metrics
  const metrics = registry === false ? null : createMetrics({ store, registry, logger, signal: closing.signal })
  const app = createApp({
    store: metrics?.store ?? store,
    storeName: rest.storeName ?? store.name,
    logger,
    authenticator,
    cors: createCors(corsOrigins === undefined ? {} : { origins: corsOrigins }),
    guard: isOpen ? createHostGuard() : () => {},
    limits: resolveBodyLimits(rest.body),
    maxWaitMs,
    maxPageSize,
    keyedClaims: createKeyedClaims(),
    metrics,
    closing: closing.signal,
  })
  let started: Promise<Listening> | null = null
  let closed: Promise<void> | null = null

  const listen = async (): Promise<Listening> => {
    await authenticator.load()
    const server = createServer({ keepAliveTimeout: keepAliveMs }, app)
    const connections = trackConnections(server)
    if (socketPath === undefined) server.listen(port, host)
    else server.listen({ path: socketPath })
    try {
      await once(server, 'listening')
    } catch (cause) {
      throw cannotListen(socketPath ?? `${host}:${port}`, cause)
    }
    if (socketPath !== undefined) return { server, connections, url: socketUrlOf(socketPath) }
    const address = server.address() as AddressInfo
    const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
    return { server, connections, url: `http://${name}:${address.port}` }
  }

  const closeNow = async (): Promise<void> => {
    closing.abort(
      new AglError({ code: 'closed', message: 'The server is closing; ask again, or ask another one.', isRetryable: true }),
    )
    // One that is being started is closed when it is there.
    const listening = await started?.catch(() => null)
    if (listening == null) return
    const { server, connections } = listening
    const ended = once(server, 'close')
    server.close()
    connections.close()
    const force = setTimeout(() => server.closeAllConnections(), graceMs)
    await ended
    clearTimeout(force)
  }
  const close = (): Promise<void> => (closed ??= closeNow())

  return Object.freeze<StoreServer>({
    async start() {
      if (started !== null || closed !== null) {
        throw new AglError({ code: 'conflict', message: 'A store server can be started once only; make a new one.' })
      }
      if (socketPath === undefined) {
        checkExposure({
          host,
          hasTokens: authenticator.hasTokens,
          logger,
          isOpenToAllPages: corsOrigins?.includes('*') === true,
          ...(allowUnauthenticated === undefined ? {} : { allowUnauthenticated }),
        })
      }
      started = listen()
      const { url } = await started
      if (closing.signal.aborted) throw closing.signal.reason
      logger.info('the store server is listening', { url, store: store.name })
      return { url }
    },
    close,
    [Symbol.asyncDispose]: close,
  })
}

function cannotListen(where: string, cause: unknown): AglError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const isSocket = !/:\d+$/.test(where)
  const advice = !isSocket
    ? 'Choose another port, or 0 for any.'
    : code === 'EADDRINUSE'
      ? 'Another server uses it, or has left it behind; give a path in a new folder.'
      : 'Its folder has to be there, and its path no longer than about 100 bytes.'
  return new AglError({
    code: 'conflict',
    message: `The store server cannot listen on ${where}: ${errorMessage(cause)}. ${advice}`,
    cause,
  })
}

interface Listening {
  readonly server: Server
  readonly connections: ReturnType<typeof trackConnections>
  readonly url: string
}

/**
 * A server that everybody on this machine may use must not be used by a web page that has a name of its own point to this
 * machine: browsers send the name that they were given.
 */
function createHostGuard(): (request: IncomingMessage) => void {
  let lastGood: string | undefined
  return ({ headers: { host = '' } }) => {
    // Callers ask again and again by the same name, and looking at one closely costs as much as routing.
    if (host === lastGood) return
    const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
    if (name === '' || isLoopback(name)) {
      lastGood = host
      return
    }
    throw new AglError({
      code: 'forbidden',
      message: `This server has no tokens and answers to the names of this machine only, as localhost; it was asked as "${name.slice(0, 100)}".`,
    })
  }
}
