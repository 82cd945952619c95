import { implementing, type LightningStore, parseOrThrow, type ResourcesUpdate } from '@agl/types'
import { z } from 'zod'
import { parseRequest } from './requests.ts'
import type { ResourcesVersion } from './resources.ts'

/** One read that the cache could not answer by itself. */
export interface ResourcesLoad {
  readonly resourcesId: string
  readonly version: number | null
  readonly milliseconds: number
  /** Of the snapshot's JSON; 0 when there is none. */
  readonly bytes: number
  readonly isFound: boolean
}

export interface ResourcesCacheOptions {
  /** Bytes of JSON to keep; what was used least recently goes first. Default: 64 MiB. */
  readonly maxBytes?: number
  /** Is told of every read that went to the store, for metrics and alerts. */
  readonly onLoad?: (load: ResourcesLoad) => void
}

/** The defaults of {@link ResourcesCacheOptions}. */
export const resourcesCacheDefaults: Readonly<{ maxBytes: number }> = Object.freeze({ maxBytes: 64 * 2 ** 20 })

/**
 * Snapshots on the reading side. A version never changes, so that what is cached is never stale; what is asked without a
 * version, and what is not there, is asked of the store each time.
 */
export interface ResourcesCache {
  /** As `getResourcesById`. Reads of the same snapshot at the same time go to the store once. */
  get(request: { readonly resourcesId: string; readonly version?: number | null }): Promise<ResourcesUpdate | null>
  /** Loads snapshots before they are needed; answers how many are there. */
  warm(snapshots: readonly ResourcesVersion[]): Promise<number>
  statistics(): { readonly snapshots: number; readonly bytes: number; readonly hits: number; readonly misses: number }
}

interface Entry {
  readonly update: ResourcesUpdate
  readonly bytes: number
}

const storeSchema = implementing<Pick<LightningStore, 'getResourcesById'>>('a store', 'getResourcesById')
const optionsSchema = z.strictObject({
  maxBytes: z.int().min(0).optional(),
  onLoad: z.custom((value) => typeof value === 'function', { error: 'expected a function' }).optional(),
})

/** @throws AglError `invalid_argument` for options that are unknown or do not fit */
export function createResourcesCache(
  store: Pick<LightningStore, 'getResourcesById'>,
  options: ResourcesCacheOptions = {},
): ResourcesCache {
  parseOrThrow(z.object({ store: storeSchema }), { store }, 'arguments of createResourcesCache')
  parseOrThrow(optionsSchema, options, 'options of createResourcesCache')
  const { maxBytes = resourcesCacheDefaults.maxBytes, onLoad } = options
  // Least recently used first.
  const entries = new Map<string, Entry>()
  const loading = new Map<string, Promise<ResourcesUpdate | null>>()
  let bytes = 0
  let hits = 0
  let misses = 0

  const keep = (update: ResourcesUpdate, size: number): void => {
    const key = keyOf(update.resources_id, update.version)
    if (entries.has(key) || size > maxBytes) return
    entries.set(key, { update, bytes: size })
    bytes += size
    for (const [oldest, entry] of entries) {
      if (bytes <= maxBytes) return
      entries.delete(oldest)
      bytes -= entry.bytes
    }
  }

  const load = async (resourcesId: string, version: number | null): Promise<ResourcesUpdate | null> => {
    const start = performance.now()
    const update = await store.getResourcesById({ resourcesId, version })
    const size = update === null ? 0 : Buffer.byteLength(JSON.stringify(update.resources))
    if (update !== null) keep(update, size)
    onLoad?.({ resourcesId, version, milliseconds: performance.now() - start, bytes: size, isFound: update !== null })
    return update
  }

  const get: ResourcesCache['get'] = async (request) => {
    const { resourcesId, version = null } = parseRequest<typeof request>('getResourcesById', request)
    const key = keyOf(resourcesId, version)
    const entry = version === null ? undefined : entries.get(key)
    if (entry !== undefined) {
      hits++
      entries.delete(key)
      entries.set(key, entry)
      return entry.update
    }
    const present = loading.get(key)
    if (present !== undefined) return present
    misses++
    const loaded = load(resourcesId, version).finally(() => loading.delete(key))
    loading.set(key, loaded)
    return loaded
  }

  return Object.freeze<ResourcesCache>({
    get,
    async warm(snapshots) {
      parseOrThrow(z.array(z.unknown()), snapshots, 'snapshots of warm')
      const found = await Promise.all(snapshots.map((snapshot) => get(snapshot)))
      return found.filter((update) => update !== null).length
    },
    statistics: () => ({ snapshots: entries.size, bytes, hits, misses }),
  })
}

function keyOf(resourcesId: string, version: number | null): string {
  return `${version ?? ''}/${resourcesId}`
}
