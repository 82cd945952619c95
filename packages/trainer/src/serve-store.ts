import type { Logger } from '@agl/types'
import type { StoreServerOptions } from '@agl/store-http/server'
import type { StoreClient, StoreClientOptions } from '@agl/store-http/client'
import { importOptional } from './optional-package.ts'
import type { ServedClaims } from './served-claims.ts'

const name = '@agl/store-http'

/** A store server that listens. */
export interface ServedStore {
  readonly url: string
  close(): Promise<void>
}

export async function serveStore(
  claims: ServedClaims,
  strategy: string,
  options: Omit<StoreServerOptions, 'store'> & { readonly logger: Logger },
): Promise<ServedStore> {
  const { createStoreServer } = await importOptional(
    name,
    `What serves the store for the strategy ${strategy}`,
    () => import('@agl/store-http/server'),
  )
  const server = createStoreServer({ ...options, store: claims.store })
  const { url } = await server.start()
  return { url, close: () => server.close() }
}

export async function openClient(options: StoreClientOptions): Promise<StoreClient> {
  const { createStoreClient } = await importOptional(
    name,
    'What reaches the store of another process',
    () => import('@agl/store-http/client'),
  )
  return createStoreClient(options)
}
