import type { IncomingMessage } from 'node:http'
import { AglError, parseOptions } from '@agl/types'
import { z } from 'zod'
import { createUnpacker, parseContentEncoding } from './body-inflate.ts'

export { decodeBody, parseJsonBody } from './body-json.ts'

/** How much a caller may send, and how slowly. */
export interface BodyLimits {
  /** Largest body in bytes as it travels, at least 1,024. */
  readonly maxBodyBytes: number
  /** Largest body in bytes when it is unpacked, at least 1,024. */
  readonly maxDecompressedBytes: number
  /** Longest time in milliseconds from the headers to the last byte, at least 1. */
  readonly bodyTimeoutMs: number
}

/** The defaults of {@link BodyLimits}. */
export const bodyDefaults: Readonly<BodyLimits> = Object.freeze({
  maxBodyBytes: 16 * 1024 * 1024,
  maxDecompressedBytes: 64 * 1024 * 1024,
  bodyTimeoutMs: 30_000,
})

const limitsSchema = z.strictObject({
  maxBodyBytes: z.int().min(1024).optional(),
  maxDecompressedBytes: z.int().min(1024).optional(),
  // The longest that a timer takes.
  bodyTimeoutMs: z.int().min(1).max(2_147_483_647).optional(),
})

/** Checks limits once, when a server is made. @throws AglError `invalid_argument` */
export function resolveBodyLimits(limits: Partial<BodyLimits> = {}): BodyLimits {
  return parseOptions(limitsSchema, limits, bodyDefaults, 'limits of a body')
}

/**
 * What is still arriving of a refused body is thrown away for so long, in order that the sender reads the reply instead
 * of a reset; then the connection is cut.
 */
const lingerMs = 1000

/**
 * So many pieces of a body are made one. A caller may send it byte by byte, and each piece takes hundreds of bytes beside
 * what it holds: 3 MB so sent took 1.4 GB, and 0.1 GB with this. Pieces of the usual size are too few for it to happen.
 */
const mergeEvery = 1024

/**
 * Reads the whole body of a request, unpacked; empty when there is none. Holds no more than the limits: the length that the
 * headers announce is looked at first, then bytes are counted as they come, before and behind the unpacking, which stops
 * at the first byte too many. After a refusal the rest is thrown away, and a sender who does not come to an end within a
 * second is cut off.
 * @param limits taken as they are, see {@link resolveBodyLimits}
 * @throws AglError with `data.status`: `invalid_argument` 413 (too large), 415 (another encoding than gzip, deflate and
 *   identity) or 400 (cannot be unpacked), `timeout` 408 (not there in time), or `client_gone` 499, when nobody is left to answer
 */
export function readBody(request: IncomingMessage, limits: BodyLimits = bodyDefaults): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const encoding = parseContentEncoding(request.headers['content-encoding'])
    const announced = Number(request.headers['content-length'] ?? 0)
    const chunks: Buffer[] = []
    let merged = 0
    let received = 0
    let kept = 0

    function finish(): void {
      stop()
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, kept))
    }
    function refuse(error: AglError): void {
      stop()
      unpacker?.destroy()
      chunks.length = 0
      drain(request)
      reject(error)
    }
    function keep(chunk: Buffer): void {
      kept += chunk.length
      if (kept > limits.maxDecompressedBytes) refuse(tooLarge('unpacked body', limits.maxDecompressedBytes))
      else {
        chunks.push(chunk)
        if (chunks.length - merged === mergeEvery) merged = chunks.push(Buffer.concat(chunks.splice(merged)))
      }
    }

    const unpacker =
      encoding === null || encoding === 'identity'
        ? null
        : createUnpacker(encoding, {
            onChunk: keep,
            onEnd: finish,
            onReady: () => void request.resume(),
            onError: (error) => refuse(broken(encoding, error)),
          })

    function onData(chunk: Buffer): void {
      received += chunk.length
      if (received > limits.maxBodyBytes) refuse(tooLarge('body', limits.maxBodyBytes))
      else if (unpacker === null) keep(chunk)
      else if (!unpacker.write(chunk)) request.pause()
    }
    function onEnd(): void {
      if (unpacker === null) return finish()
      // From here on a close is how every request ends.
      request.off('error', onGone).off('close', onGone)
      unpacker.end()
    }
    function onGone(): void {
      refuse(clientGone())
    }
    const timer = setTimeout(() => refuse(tooSlow(limits)), limits.bodyTimeoutMs)
    function stop(): void {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
    }

    if (encoding === null) refuse(unknownEncoding())
    else if (announced > limits.maxBodyBytes) refuse(tooLarge('body', limits.maxBodyBytes))
    else if (request.destroyed) onGone()
    else request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
  })
}

/** Throws away what still comes of a body, and cuts the connection if that does not end soon. */
function drain(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return
  const { socket } = request
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  timer.unref()
  const done = (): void => {
    clearTimeout(timer)
  }
  request.on('error', done).once('end', done).once('close', done).resume()
}

function tooLarge(what: string, limit: number): AglError {
  return invalid(413, `Expected a ${what} of at most ${limit} bytes; this is larger. Send it in parts.`, { limit })
}

function unknownEncoding(): AglError {
  // The header is not quoted: it may be as long as the caller likes.
  return invalid(415, 'Expected a body with the Content-Encoding gzip, deflate or identity; it has another.')
}

function broken(encoding: string | null, cause: Error): AglError {
  return invalid(400, `Expected a body in ${encoding}, as its Content-Encoding says; it cannot be unpacked: ${cause.message}.`)
}

function tooSlow({ bodyTimeoutMs }: BodyLimits): AglError {
  return new AglError({
    code: 'timeout',
    message: `Expected the body within ${bodyTimeoutMs} ms of the headers; it was not complete by then.`,
    data: { status: 408, bodyTimeoutMs },
  })
}

function clientGone(): AglError {
  return new AglError({
    code: 'client_gone',
    message: 'The client closed the connection before its body was complete.',
    data: { status: 499 },
  })
}

function invalid(status: number, message: string, data: Readonly<Record<string, unknown>> = {}): AglError {
  return new AglError({ code: 'invalid_argument', message, data: { status, ...data } })
}
