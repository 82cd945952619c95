import type { IncomingMessage, ServerResponse } from 'node:http'
export type Cors = (request: IncomingMessage, response: ServerResponse) => boolean
export const noCors: Cors = () => false
