/** A store on a server, over HTTP. */
export { createStoreClient, type StoreClient } from './create-store-client.ts'
export { type RetryOptions, storeClientDefaults, type StoreClientOptions } from './options.ts'
