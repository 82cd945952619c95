import type { Transform } from 'node:stream'
import { createGunzip, createInflate, createInflateRaw, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib'

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

/**
 * A body of so few bytes is kept until it is whole and unpacked in one call, which costs half of what a stream does: that hops
 * to another thread and back for every 16 KiB.
 */
const atOnceBytes = 48 * 1024
/** And so many pieces: each takes hundreds of bytes beside what it holds. */
const atOncePieces = 16
/** What one call may give, so that it never takes longer than some milliseconds. What is packed better goes through a stream. */
const atOnceUnpackedBytes = 1024 * 1024

/**
 * As zlib does it: what comes behind the end is dropped, but behind gzip only zeros may come, or more gzip. No data at all
 * are no bytes.
 */
export function createUnpacker(encoding: 'gzip' | 'deflate', events: UnpackerEvents): Unpacker {
  let held: Buffer[] = []
  let heldBytes = 0
  let stream: Transform | null = null
  let isEnded = false
  let isUnpacked = false
  let isDestroyed = false

  function startWith(bytes: Buffer): Transform {
    held = []
    stream = createStream(formatOf(encoding, bytes[0]!))
      .on('data', events.onChunk)
      .on('drain', events.onReady)
      .on('error', events.onError)
      .once('end', () => {
        isUnpacked = true
        if (isEnded) events.onEnd()
      })
    return stream
  }

  function unpackAtOnce(bytes: Buffer): void {
    let unpacked: Buffer
    try {
      const chunkSize = encoding === 'gzip' ? likelySize(bytes) : atOnceBytes
      unpacked = unpackers[formatOf(encoding, bytes[0]!)](bytes, { chunkSize, maxOutputLength: atOnceUnpackedBytes })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') startWith(bytes).end(bytes)
      else events.onError(error as Error)
      return
    }
    events.onChunk(unpacked)
    if (!isDestroyed) events.onEnd()
  }

  return {
    write(chunk) {
      if (isUnpacked) return true
      if (stream !== null) return stream.write(chunk)
      held.push(chunk)
      heldBytes += chunk.length
      if (heldBytes <= atOnceBytes && held.length <= atOncePieces) return true
      const bytes = Buffer.concat(held)
      return startWith(bytes).write(bytes)
    },
    end() {
      isEnded = true
      if (heldBytes === 0 || isUnpacked) events.onEnd()
      else if (stream !== null) stream.end()
      else unpackAtOnce(Buffer.concat(held))
    },
    destroy() {
      isDestroyed = true
      held = []
      // An error without a listener would end the process.
      stream?.removeAllListeners().on('error', () => {})
      stream?.destroy()
    },
  }
}

/** What gzip says at its end of how much it holds, and a byte more, which tells zlib that this was all; within bounds, for it may lie. */
function likelySize(bytes: Buffer): number {
  const said = bytes.length < 4 ? 0 : bytes.readUInt32LE(bytes.length - 4)
  return Math.min(Math.max(said + 1, 1024), atOnceUnpackedBytes)
}

type Format = 'gzip' | 'deflate' | 'bare deflate'

/** The low half of the first byte of a zlib stream is its method, of which there is only one. */
const zlibMethod = 8

/**
 * `deflate` means a zlib stream, but some senders leave out its frame. The first byte tells: a bare stream begins like a
 * framed one only with a stored block that is padded with ones, which no encoder writes.
 */
function formatOf(encoding: 'gzip' | 'deflate', firstByte: number): Format {
  if (encoding === 'gzip') return 'gzip'
  return (firstByte & 0x0f) === zlibMethod ? 'deflate' : 'bare deflate'
}

function createStream(format: Format): Transform {
  return format === 'gzip' ? createGunzip() : format === 'deflate' ? createInflate() : createInflateRaw()
}

const unpackers = { gzip: gunzipSync, deflate: inflateSync, 'bare deflate': inflateRawSync } satisfies Readonly<
  Record<Format, unknown>
>
