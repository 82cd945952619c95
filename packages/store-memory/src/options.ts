import { type Clock, hasOneSource, type RandomSource, type RetentionOptions, storeOptionShape } from '@agl/store-kit'
import { type Logger, parseOrThrow, type ResourceKind } from '@agl/types'
import { z } from 'zod'

/** Options of `createMemoryStore`. */
export interface MemoryStoreOptions {
  /** Where the time comes from. Default: the system's clock. */
  readonly clock?: Clock
  /** Where the bits of new ids come from. Default: the system's cryptographic source. Not together with `seed`. */
  readonly random?: RandomSource
  /** Makes the ids of new records repeatable. An integer. Default: none. */
  readonly seed?: number
  /** Kinds of `custom:*` resources to be checked on write. Default: none; other custom resources are kept as they are. */
  readonly resourceKinds?: readonly Pick<ResourceKind<object>, 'resourceType' | 'schema'>[]
  /** How much is kept; `maxBytes` is 1 GiB unless said otherwise. See `defaultRetention`. */
  readonly retention?: RetentionOptions
  /**
   * How many bytes of spans of settled attempts stay objects, which are fastest to read; what is beyond is packed off the
   * heap, what settled first before all others. At least 0. Default: 128 MiB.
   */
  readonly unpackedBytes?: number
  /** Default: silent. */
  readonly logger?: Logger
}

/** The defaults of {@link MemoryStoreOptions}; those of `retention` are `defaultRetention`. */
export const memoryStoreDefaults: Readonly<{ unpackedBytes: number }> = Object.freeze({ unpackedBytes: 128 * 2 ** 20 })

const optionsSchema = z
  .strictObject({ ...storeOptionShape, unpackedBytes: z.int().min(0).optional() })
  .refine(hasOneSource, { error: 'give either random or seed, not both' })

/** @throws AglError `invalid_argument` */
export function parseOptions(options: MemoryStoreOptions): MemoryStoreOptions {
  return parseOrThrow(optionsSchema as unknown as z.ZodType<MemoryStoreOptions>, options, 'options of createMemoryStore')
}
