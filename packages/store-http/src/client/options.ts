import { type Clock, quietLogger, type ResourcesLoad, systemClock } from '@agl/store-kit'
import { AglError, implementing, type Logger, parseOptions, silentLogger } from '@agl/types'
import { z } from 'zod'
import { parseServers, type Server } from './servers.ts'
import { isLoopback } from '../wire/loopback.ts'

/** How calls that failed on the way are sent again: after a random time between 0 and `baseMs` · 2ⁿ, at most `maxMs`. */
export interface RetryOptions {
  /** Tries of one call, the first included; at least 1. With several servers each try asks one after the other. */
  readonly attempts?: number
  /** In milliseconds, at least 0. */
  readonly baseMs?: number
  /** In milliseconds, at least 0. A server that says when to come back (`Retry-After`) is asked then, within a minute. */
  readonly maxMs?: number
}

/** Options of {@link createStoreClient}. */
export interface StoreClientOptions {
  /**
   * Where the server is, for example `http://127.0.0.1:4747`; a path before the API's own is kept. A user and password in
   * it travel as Basic authentication and are never shown. A server on a socket of this machine is `http+unix:///path/to/store.sock`.
   * Either this or `urls`.
   */
  readonly url?: string
  /** Servers over one shared store. The one that answered last is asked until it fails, then the next. At least one. */
  readonly urls?: readonly string[]
  /** Sent as `Authorization: Bearer …`. Default: none. Not together with credentials in the URL. */
  readonly token?: string
  /**
   * For servers on the network, in the place of the client's own requests (`node:http`, which takes half the processor time of `fetch` and
   * keeps connections alive until the client is closed): for a `fetch` that signs, routes or records. Default: none.
   */
  readonly fetch?: typeof globalThis.fetch
  /** Longest time of one try in milliseconds, from connecting to the last byte of the reply; a long poll gets its wait on top. */
  readonly requestTimeoutMs?: number
  readonly retry?: RetryOptions
  /**
   * Request bodies of more bytes than this are sent gzipped. At least 0; Infinity = never. Default: 16 KiB, and never to servers on this
   * machine, where packing costs more than it saves.
   */
  readonly compressAboveBytes?: number
  /** Bytes of JSON of resources to keep, for reads by id and version. At least 0. */
  readonly resourcesCacheBytes?: number
  /** Is told of every read of resources that went to the server: its time and size, for metrics and alerts. */
  readonly onResourcesLoad?: (load: ResourcesLoad) => void
  /** Default: silent. */
  readonly logger?: Logger
  /** For the timers of retries, deadlines and polls. Default: the system's clock. */
  readonly clock?: Pick<Clock, 'now' | 'wait'>
  /** From 0 to below 1, for the spread of retries. Default: `Math.random`. */
  readonly random?: () => number
}

/** The defaults of {@link StoreClientOptions}. */
export const storeClientDefaults: Readonly<{
  requestTimeoutMs: number
  retry: Readonly<Required<RetryOptions>>
  compressAboveBytes: number
  resourcesCacheBytes: number
}> = Object.freeze({
  requestTimeoutMs: 30_000,
  retry: Object.freeze({ attempts: 6, baseMs: 200, maxMs: 5000 }),
  compressAboveBytes: 16 * 1024,
  resourcesCacheBytes: 64 * 2 ** 20,
})

/** Options with everything filled in. */
export interface ResolvedOptions {
  readonly servers: readonly Server[]
  /** Null: requests of the client's own. */
  readonly fetch: typeof globalThis.fetch | null
  readonly requestTimeoutMs: number
  readonly retry: Readonly<Required<RetryOptions>>
  readonly compressAboveBytes: number
  readonly resourcesCacheBytes: number
  readonly onResourcesLoad: (load: ResourcesLoad) => void
  readonly logger: Logger
  readonly clock: Pick<Clock, 'now' | 'wait'>
  readonly random: () => number
}

const aFunction = z.custom((value) => typeof value === 'function', { error: 'expected a function' })

const optionsSchema = z.strictObject({
  url: z.string().optional(),
  urls: z.array(z.string()).min(1, { error: 'expected at least one URL' }).optional(),
  token: z.string().optional(),
  fetch: aFunction.optional(),
  requestTimeoutMs: z.number().positive().optional(),
  retry: z
    .strictObject({
      attempts: z.int().min(1).optional(),
      baseMs: z.number().min(0).optional(),
      maxMs: z.number().min(0).optional(),
    })
    .optional(),
  compressAboveBytes: z.union([z.number().min(0), z.literal(Infinity)], { error: 'expected a number of at least 0' }).optional(),
  resourcesCacheBytes: z.int().min(0).optional(),
  onResourcesLoad: aFunction.optional(),
  logger: implementing<Logger>('a Logger', 'debug', 'info', 'warn', 'error').optional(),
  clock: implementing<Pick<Clock, 'now' | 'wait'>>('a Clock', 'now', 'wait').optional(),
  random: aFunction.optional(),
})

const what = 'options of createStoreClient'

/** @throws AglError `invalid_argument`; its message tells no token and no password */
export function resolveOptions(options: StoreClientOptions): ResolvedOptions {
  const defaults = {
    ...storeClientDefaults,
    onResourcesLoad: () => {},
    logger: silentLogger,
    clock: systemClock(),
    random: Math.random,
  }
  const { url, urls, token, logger, ...parsed } = parseOptions(optionsSchema, options, defaults, what)
  if ((url === undefined) === (urls === undefined)) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected either \`url\` or \`urls\` in ${what}; got ${url === undefined ? 'neither' : 'both'}.`,
    })
  }
  const given = Object.entries(parsed.retry).filter(([, value]) => value !== undefined)
  const servers = parseServers(urls ?? [url!], token)
  return {
    ...parsed,
    servers,
    fetch: options.fetch ?? null,
    compressAboveBytes: options.compressAboveBytes === undefined && servers.every(isHere) ? Infinity : parsed.compressAboveBytes,
    retry: { ...storeClientDefaults.retry, ...Object.fromEntries(given) },
    logger: quietLogger(logger),
  }
}

function isHere({ url, socketPath }: Server): boolean {
  return socketPath !== null || isLoopback(new URL(url).hostname)
}
