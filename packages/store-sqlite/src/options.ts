import { resolve } from 'node:path'
import {
  type Clock,
  defaultRetention,
  hasOneSource,
  quietLogger,
  type RandomSource,
  type Retention,
  retentionOf,
  type RetentionOptions,
  storeOptionShape,
} from '@agl/store-kit'
import { childLogger, type Logger, parseOptions as parse, type ResourceKind, silentLogger } from '@agl/types'
import { z } from 'zod'

/** Options of `createSqliteStore`. */
export interface SqliteStoreOptions {
  /** Path of the database; made when it does not exist, its folder must. `:memory:` keeps it in memory, for tests. */
  readonly file: string
  /**
   * What an acknowledged write survives. `full`: also a power cut; each commit waits for the disk. `normal`: the end of
   * the process in any way, but a power cut or a crash of the system may take the last commits. Default: `full`.
   */
  readonly durability?: 'full' | 'normal'
  /** How long a call waits for a file that others hold locked, in milliseconds; then it is refused. Default: 5000. */
  readonly busyTimeoutMs?: number
  /** How often a parked call looks for what other processes wrote, in milliseconds. 1 to 60,000. Default: 15. */
  readonly pollMs?: number
  /** How much is kept. Default: everything. */
  readonly retention?: RetentionOptions
  /** Where the time comes from. Default: the system's clock. */
  readonly clock?: Clock
  /** Where the bits of new ids come from. Default: the system's cryptographic source. Not together with `seed`. */
  readonly random?: RandomSource
  /** Makes the ids of new records repeatable. An integer; a different one for each handle. Default: none. */
  readonly seed?: number
  /** Kinds of `custom:*` resources to be checked on write. Default: none; other custom resources are kept as they are. */
  readonly resourceKinds?: readonly Pick<ResourceKind<object>, 'resourceType' | 'schema'>[]
  /** Default: silent. */
  readonly logger?: Logger
}

/** The defaults of {@link SqliteStoreOptions}. A file is not bounded by memory: nothing is dropped unless it is asked for. */
export const sqliteStoreDefaults: Readonly<{
  durability: 'full' | 'normal'
  busyTimeoutMs: number
  pollMs: number
  retention: Retention
  resourceKinds: readonly Pick<ResourceKind<object>, 'resourceType' | 'schema'>[]
  logger: Logger
}> = Object.freeze({
  durability: 'full',
  busyTimeoutMs: 5000,
  pollMs: 15,
  retention: Object.freeze({ ...defaultRetention, maxBytes: null }),
  resourceKinds: Object.freeze([]),
  logger: silentLogger,
})

/** The name that SQLite knows for a database in memory. */
export const inMemory = ':memory:'

export type ParsedOptions = SqliteStoreOptions & typeof sqliteStoreDefaults

/** Longer than this and nobody would call it looking; far longer, and timers would fire at once. */
const longestPollMs = 60_000

const optionsSchema = z
  .strictObject({
    ...storeOptionShape,
    file: z
      .string()
      .min(1)
      .refine((file) => !file.includes('\0'), { error: 'expected a path' }),
    durability: z.enum(['full', 'normal']).optional(),
    busyTimeoutMs: z.number().min(0).optional(),
    pollMs: z.number().min(1).max(longestPollMs).optional(),
  })
  .refine(hasOneSource, { error: 'give either random or seed, not both' })

/** @throws AglError `invalid_argument` */
export function parseOptions(options: SqliteStoreOptions): ParsedOptions {
  const parsed = parse(optionsSchema, options, sqliteStoreDefaults, 'options of createSqliteStore')
  // A later change of the working folder must not lead to another file.
  const file = parsed.file === inMemory ? inMemory : resolve(parsed.file)
  const logger = quietLogger(childLogger(parsed.logger, 'store'))
  return { ...parsed, file, logger, retention: retentionOf(options.retention, sqliteStoreDefaults.retention) }
}
