import {
  defaultRetention,
  hasOneSource,
  quietLogger,
  type RandomSource,
  type Retention,
  retentionOf,
  type RetentionOptions,
  storeOptionShape,
} from '@agl/store-kit'
import { childLogger, isPlainObject, type Logger, parseOptions as parse, type ResourceKind, silentLogger } from '@agl/types'
import type { Cluster, Redis } from 'ioredis'
import { z } from 'zod'

/** Options of `createRedisStore`. */
export interface RedisStoreOptions {
  /** Where Redis is: `redis://host:6379/0`, `rediss://…` for TLS. Default: `redis://127.0.0.1:6379`. Not together with `client`. */
  readonly url?: string
  /**
   * A client of ioredis, of one server or a cluster, for what a URL cannot say. The store makes connections of its own with the
   * client's options and leaves this one alone: it may stay unconnected (`lazyConnect`) and is never closed.
   */
  readonly client?: Redis | Cluster
  /** Names the store: all handles with the same one share their data. 1 to 100 letters, digits, `_`, `.`, `:` or `-`. Default: `agl`. */
  readonly namespace?: string
  /**
   * How long a call waits for a server that has gone away or does not answer, in milliseconds; then it is refused with the
   * retryable `timeout`. The first connection gets a second at least; a server that was never there is told at once. Minimum 0.
   * Default: 10,000.
   */
  readonly deadlineMs?: number
  /**
   * How often a handle looks at what others' wake-ups may have missed and at limits that others have set, in milliseconds. 10 to
   * 60,000. Default: 1000.
   */
  readonly pollMs?: number
  /**
   * How many replicas must have what a call wrote before it is acknowledged: what was acknowledged survives a failover to one
   * of them. An integer, at least 0. Default: 0.
   */
  readonly minReplicas?: number
  /**
   * How long a call waits for them, in milliseconds; then it is refused with the retryable `timeout`, though it is done. An
   * integer, at least 1. Default: 1000.
   */
  readonly replicaTimeoutMs?: number
  /** How much is kept. Default: everything; the server's `maxmemory` is the bound then. */
  readonly retention?: RetentionOptions
  /** Where the bits of new ids come from. Default: the system's cryptographic source. Not together with `seed`. */
  readonly random?: RandomSource
  /** Makes the ids of new records repeatable. An integer; a different one for each handle. Default: none. */
  readonly seed?: number
  /** Kinds of `custom:*` resources to be checked on write. Default: none; other custom resources are kept as they are. */
  readonly resourceKinds?: readonly Pick<ResourceKind<object>, 'resourceType' | 'schema'>[]
  /** Default: silent. */
  readonly logger?: Logger
}

/** The defaults of {@link RedisStoreOptions}. */
export const redisStoreDefaults: Readonly<{
  url: string
  namespace: string
  deadlineMs: number
  pollMs: number
  minReplicas: number
  replicaTimeoutMs: number
  retention: Retention
  resourceKinds: readonly Pick<ResourceKind<object>, 'resourceType' | 'schema'>[]
  logger: Logger
}> = Object.freeze({
  url: 'redis://127.0.0.1:6379',
  namespace: 'agl',
  deadlineMs: 10_000,
  pollMs: 1000,
  minReplicas: 0,
  replicaTimeoutMs: 1000,
  retention: Object.freeze({ ...defaultRetention, maxBytes: null }),
  resourceKinds: Object.freeze([]),
  logger: silentLogger,
})

export type ParsedOptions = RedisStoreOptions & typeof redisStoreDefaults

const isClient = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !isPlainObject(value) &&
  ['duplicate', 'defineCommand', 'pipeline'].every(
    (method) => typeof (value as Readonly<Record<string, unknown>>)[method] === 'function',
  )

const { clock: _, ...sharedShape } = storeOptionShape

/** Where a store is. */
const placeShape = {
  url: z
    .string()
    .regex(/^(rediss?:\/\/|\/)/, { error: 'expected "redis://host:port", "rediss://host:port" or the path of a socket' })
    .optional(),
  client: z.custom<Redis | Cluster>(isClient, { error: 'expected a client of ioredis' }).optional(),
  namespace: z
    .string()
    .regex(/^[A-Za-z0-9_.:-]{1,100}$/, { error: 'expected 1 to 100 letters, digits, "_", ".", ":" or "-"' })
    .optional(),
  deadlineMs: z.number().min(0).optional(),
}

const hasOnePlace = ({ url, client }: { readonly url?: string | undefined; readonly client?: object | undefined }): boolean =>
  url === undefined || client === undefined
const onePlace = { error: 'give either url or client, not both' }

const optionsSchema = z
  .strictObject({
    ...sharedShape,
    ...placeShape,
    pollMs: z.number().min(10).max(60_000).optional(),
    minReplicas: z.int().min(0).optional(),
    replicaTimeoutMs: z.int().min(1).optional(),
  })
  .refine(hasOneSource, { error: 'give either random or seed, not both' })
  .refine(hasOnePlace, onePlace)

/** @throws AglError `invalid_argument` */
export function parseOptions(options: RedisStoreOptions): ParsedOptions {
  const parsed = parse(optionsSchema, options, redisStoreDefaults, 'options of createRedisStore')
  const logger = quietLogger(childLogger(parsed.logger, 'store'))
  return { ...parsed, logger, retention: retentionOf(options.retention, redisStoreDefaults.retention) }
}

/** Options of `inspectRedisStore`; the first four as of `createRedisStore`. */
export interface InspectRedisStoreOptions extends Pick<RedisStoreOptions, 'url' | 'client' | 'namespace' | 'deadlineMs'> {
  /**
   * Of how many keys of each kind the server is asked how much memory they take; the rest is reckoned from these. An integer,
   * minimum 1. Default: 10,000.
   */
  readonly sampleSize?: number
  /** Is told now and then what is being looked at and how many of it have been. Default: nobody. */
  readonly onProgress?: (progress: { readonly stage: string; readonly count: number }) => void
  /** Ends the look; it rejects with the reason. */
  readonly signal?: AbortSignal
}

/** The defaults of {@link InspectRedisStoreOptions}. */
export const inspectRedisStoreDefaults: Readonly<{ sampleSize: number }> = Object.freeze({ sampleSize: 10_000 })

const inspectSchema = z
  .strictObject({
    ...placeShape,
    sampleSize: z.int().min(1).optional(),
    onProgress: z.custom<InspectRedisStoreOptions['onProgress']>((value) => typeof value === 'function').optional(),
    signal: z.instanceof(AbortSignal).optional(),
  })
  .refine(hasOnePlace, onePlace)

/** @throws AglError `invalid_argument` */
export function parseInspectOptions(
  options: InspectRedisStoreOptions,
): InspectRedisStoreOptions & typeof inspectRedisStoreDefaults {
  return parse(inspectSchema, options, inspectRedisStoreDefaults, 'options of inspectRedisStore')
}
