import type { Transform } from 'node:stream'
import { createGunzip, createInflate, createInflateRaw } from 'node:zlib'

/** How a body may be packed. */
export type ContentEncoding = 'identity' | 'gzip' | 'deflate'

const encodings: ReadonlyMap<string, ContentEncoding> = new Map<string, ContentEncoding>([
  ['', 'identity'],
  ['identity', 'identity'],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
])

/** What the header `Content-Encoding` names; null for what cannot be unpacked here, such as two encodings one in the other. */
export function parseContentEncoding(header: string | undefined): ContentEncoding | null {
  return encodings.get((header ?? '').trim().toLowerCase()) ?? null
}

/** Whom an {@link Unpacker} tells what. */
export interface UnpackerEvents {
  onChunk(chunk: Buffer): void
  /** All of what was written has been unpacked. Only after `end`. */
  onEnd(): void
  /** More may be written, after a `write` that answered false. */
  onReady(): void
  /** What was written is not in the encoding, or breaks off. */
  onError(error: Error): void
}

/** Takes a body as it comes and gives it unpacked, piece by piece. */
export interface Unpacker {
  /** False: wait for `onReady` before the next. */
  write(chunk: Buffer): boolean
  end(): void
  /** Stops at once; nothing is told from then on. */
  destroy(): void
}

export function createUnpacker(encoding: ContentEncoding, events: UnpackerEvents): Unpacker {
  if (encoding !== 'identity') return createInflater(encoding, events)
  return {
    write(chunk) {
      events.onChunk(chunk)
      return true
    },
    end: events.onEnd,
    destroy() {},
  }
}

/**
 * As zlib does it: what comes behind the end is dropped, but behind gzip only zeros may come, or more gzip. No data at all
 * are no bytes.
 */
function createInflater(encoding: 'gzip' | 'deflate', events: UnpackerEvents): Unpacker {
  let stream: Transform | null = null
  let isEnded = false
  let isUnpacked = false

  function start(firstByte: number): Transform {
    return inflaterFor(encoding, firstByte)
      .on('data', events.onChunk)
      .on('drain', events.onReady)
      .on('error', events.onError)
      .once('end', () => {
        isUnpacked = true
        if (isEnded) events.onEnd()
      })
  }

  return {
    write(chunk) {
      if (isUnpacked) return true
      stream ??= start(chunk[0]!)
      return stream.write(chunk)
    },
    end() {
      isEnded = true
      if (stream === null || isUnpacked) events.onEnd()
      else stream.end()
    },
    destroy() {
      // An error without a listener would end the process.
      stream?.removeAllListeners().on('error', () => {})
      stream?.destroy()
    },
  }
}

/** The low half of the first byte of a zlib stream is its method, of which there is only one. */
const zlibMethod = 8

/**
 * `deflate` means a zlib stream, but some senders leave out its frame. The first byte tells: a bare stream begins like a
 * framed one only with a stored block that is padded with ones, which no encoder writes.
 */
function inflaterFor(encoding: 'gzip' | 'deflate', firstByte: number): Transform {
  if (encoding === 'gzip') return createGunzip()
  return (firstByte & 0x0f) === zlibMethod ? createInflate() : createInflateRaw()
}
