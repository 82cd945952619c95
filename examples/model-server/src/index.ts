export { decodeTokens, encodeText } from './model.ts'
export { type ModelServer, startModelServer } from './server.ts'
