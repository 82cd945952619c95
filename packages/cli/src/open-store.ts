import { existsSync } from 'node:fs'
import { createStoreClient } from '@agl/store-http/client'
import { createSqliteStore } from '@agl/store-sqlite'
import { AglError, type LightningStore, type Logger, type Metrics } from '@agl/types'

/** What else than its address a store may need. */
export interface StoreAddress {
  readonly address: string
  /** Of a server. */
  readonly token?: string | undefined
  /** In a Redis. */
  readonly namespace?: string | undefined
  readonly logger: Logger
  readonly metrics?: Metrics
}

/**
 * Opens the store at an address: `http(s)://…` is a server, `redis(s)://…` a Redis, anything else a SQLite file that is there. What cannot be
 * reached is told at once.
 */
export async function openStoreAt({ address, token, namespace, logger, metrics }: StoreAddress): Promise<LightningStore> {
  const [, scheme = ''] = /^([a-z][a-z+.-]*):\/\//i.exec(address) ?? []
  if (namespace !== undefined && !scheme.startsWith('redis')) throw meansNothing('--namespace', address)
  switch (scheme.toLowerCase()) {
    case 'http':
    case 'https':
      return await createStoreClient({
        url: address,
        logger,
        ...(metrics === undefined ? {} : { metrics }),
        ...(token === undefined ? {} : { token }),
      })
    case 'redis':
    case 'rediss': {
      const { createRedisStore } = await import('@agl/store-redis')
      const store = createRedisStore({ url: address, logger, ...(namespace === undefined ? {} : { namespace }) })
      await store.open()
      return store
    }
    case '': {
      if (!existsSync(address)) {
        throw new AglError({
          code: 'not_found',
          message: `There is no file ${address}. Expected the path of a SQLite file, or http://… of a server, or redis://….`,
        })
      }
      const store = createSqliteStore({ file: address, logger })
      await store.open()
      return store
    }
    default:
      throw new AglError({
        code: 'invalid_argument',
        message: `Expected the store as http://…, https://…, redis://…, rediss://… or the path of a SQLite file; got ${scheme}://….`,
      })
  }
}

function meansNothing(flag: string, address: string): AglError {
  const what = address.includes('://') ? 'a server' : 'a file'
  return new AglError({
    code: 'invalid_argument',
    message: `${flag} means nothing to ${what}: it keeps stores apart in one Redis.`,
  })
}
