export { createModelServer, type ModelServer, modelServerDefaults, type ModelServerOptions } from './server.ts'
