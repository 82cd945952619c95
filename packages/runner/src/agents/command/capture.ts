/** What a stream said, as text. */
export interface Captured {
  /** The whole, or its head and its tail with a note between of how much was left out. */
  readonly text: string
  /** The whole, or the tail alone: where the last line is. */
  readonly tail: string
  /** How many bytes came, and how many of them were left out. */
  readonly bytes: number
  readonly cutBytes: number
}

export interface Capture {
  write(chunk: Buffer): void
  read(): Captured
}

/**
 * Keeps the head and the tail of a stream of any length, half of `maxBytes` each. Bytes that are no UTF-8 become U+FFFD.
 */
export function createCapture(maxBytes: number): Capture {
  const half = Math.max(1, Math.floor(maxBytes / 2))
  const head: Buffer[] = []
  const tail: Buffer[] = []
  let headBytes = 0
  let tailBytes = 0
  let bytes = 0

  return {
    write(chunk) {
      bytes += chunk.length
      const forHead = chunk.subarray(0, half - headBytes)
      if (forHead.length > 0) head.push(forHead)
      headBytes += forHead.length
      const forTail = chunk.subarray(forHead.length)
      if (forTail.length === 0) return
      // A copy where only a part is kept: a piece of a slice would hold all of it.
      tail.push(forTail.length > half ? Buffer.from(forTail.subarray(-half)) : forTail)
      tailBytes += tail.at(-1)!.length
      while (tailBytes - tail[0]!.length >= half) tailBytes -= tail.shift()!.length
    },
    read() {
      const last = Buffer.concat(tail).subarray(-half)
      const cutBytes = bytes - headBytes - last.length
      if (cutBytes === 0) {
        const text = decode(Buffer.concat([...head, last]))
        return { text, tail: text, bytes, cutBytes }
      }
      const tailText = decode(withoutBrokenStart(last))
      const text = `${decode(withoutBrokenEnd(Buffer.concat(head)))}\n… ${cutBytes} bytes left out …\n${tailText}`
      return { text, tail: tailText, bytes, cutBytes }
    },
  }
}

function decode(bytes: Buffer): string {
  return new TextDecoder().decode(bytes)
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && byte >> 6 === 0b10

/** A cut goes through the middle of a character, which is at most 4 bytes long. */
function withoutBrokenStart(bytes: Buffer): Buffer {
  let start = 0
  while (start < 3 && isContinuation(bytes[start])) start += 1
  return bytes.subarray(start)
}

function withoutBrokenEnd(bytes: Buffer): Buffer {
  let end = bytes.length - 1
  while (end > 0 && end > bytes.length - 4 && isContinuation(bytes[end])) end -= 1
  const first = bytes[end] ?? 0
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1
  return end + length > bytes.length ? bytes.subarray(0, end) : bytes
}
