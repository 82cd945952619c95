import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { AglError, errorMessage, type Logger } from '@agl/types'
import { toErrorReply } from '../wire/errors.ts'
import { stringify } from '../wire/stringify.ts'
import { challengeHeaders } from './auth/index.ts'
import { breakOff } from './metrics.ts'

/** Who takes nothing of a stream for so long is let go: what waits for it takes memory. */
const slowReaderMs = 30_000
/** The same for an answer that went out in one piece. */
const slowAnswerMs = 60_000

/** Writes, and waits while the reader is behind. @throws AglError `timeout` for one that does not read */
export async function write(response: ServerResponse, text: string): Promise<void> {
  if (response.destroyed) throw new AglError({ code: 'closed', message: 'The reader is gone.' })
  if (response.write(text)) return
  const { promise: tooLong, reject } = Promise.withResolvers<never>()
  const done = new AbortController()
  // Node starts the time anew whenever the reader takes something.
  const onTimeout = (): void => {
    reject(new AglError({ code: 'timeout', message: `The reader has read nothing for ${slowReaderMs / 1000} s.` }))
    breakOff(response)
  }
  response.setTimeout(slowReaderMs, onTimeout)
  try {
    await Promise.race([
      once(response, 'drain', { signal: done.signal }),
      once(response, 'close', { signal: done.signal }),
      tooLong,
    ])
  } finally {
    done.abort()
    response.setTimeout(0).off('timeout', onTimeout)
  }
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendJsonText(response, status, stringify(value))
}

export function sendJsonText(response: ServerResponse, status: number, text: string): void {
  if (response.destroyed) return
  // A text goes out in one write with its head. Bytes of it are memory that only the collector gives back: pages of spans cost
  // a fifth more with them, until the heap has grown to it. A text that is longer than most is not copied more than once.
  const body = text.length > 262_144 ? Buffer.from(text) : text
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  endWith(response, body)
}

/** Ends an answer, and lets its reader go who takes nothing of it any more. */
export function endWith(response: ServerResponse, body: string | Uint8Array): void {
  response.end(body)
  if (response.writableLength > 0) response.setTimeout(slowAnswerMs, () => response.destroy())
}

export function sendError(response: ServerResponse, error: unknown, logger: Logger): void {
  const { status, body } = toErrorReply(error)
  if (status >= 500 && !AglError.isInstance(error)) logger.error('a request has failed', { error: errorMessage(error) })
  if (response.headersSent) return breakOff(response)
  if (status === 401) for (const [name, value] of Object.entries(challengeHeaders)) response.setHeader(name, value)
  sendJson(response, status, body)
}
