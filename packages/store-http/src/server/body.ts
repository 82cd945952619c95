import type { IncomingMessage } from 'node:http'
export interface BodyLimits {
  readonly maxBodyBytes: number
}
export async function readBody(request: IncomingMessage, _limits: BodyLimits): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}
export function parseJsonBody(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString())
}
