import type { ServerResponse } from 'node:http'
import { AglError, errorMessage, type Logger } from '@agl/types'
import { toErrorReply } from '../wire/errors.ts'
import { stringify } from '../wire/stringify.ts'
import { challengeHeaders } from './auth/index.ts'
import { breakOff } from './metrics.ts'

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  if (response.destroyed) return
  const text = stringify(value)
  // A short text goes out in one write with its head; a long one is turned into bytes once.
  const body = text.length > 16_384 ? Buffer.from(text) : text
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
  if (response.writableLength > 0) letGoOfSlowReader(response)
}

/** An answer that its reader does not take is memory that others need. */
const slowReaderMs = 60_000

function letGoOfSlowReader(response: ServerResponse): void {
  const timer = setTimeout(() => response.destroy(), slowReaderMs)
  timer.unref()
  response.once('close', () => clearTimeout(timer))
}

export function sendError(response: ServerResponse, error: unknown, logger: Logger): void {
  const { status, body } = toErrorReply(error)
  if (status >= 500 && !AglError.isInstance(error)) logger.error('a request has failed', { error: errorMessage(error) })
  if (response.headersSent) return breakOff(response)
  if (status === 401) for (const [name, value] of Object.entries(challengeHeaders)) response.setHeader(name, value)
  sendJson(response, status, body)
}
