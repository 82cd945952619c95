/** Any store over HTTP: the API of agent-lightning 0.3 and ours beside it. */
export { createStoreServer, type StoreServer, storeServerDefaults, type StoreServerOptions } from './create-store-server.ts'
export type { AccessToken, TokenRole } from './auth/index.ts'
export type { BodyLimits } from './body.ts'
