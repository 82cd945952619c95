import type { AttributeValue, Span } from '@agl/types'

/*
 * Spans of settled attempts, off the heap. A chunk is one buffer (little endian):
 *
 *   directory   per span 20 bytes: hash of its id u32, arrival u32, offset u32, sequence id f64
 *   per span    u32 number of sections; per section u32 length, with the top bit for floats; the sections, u32 or f64 per
 *               number; then JSON to the end, in which the attributes that became sections are null
 *
 * Long lists of numbers among the attributes (token ids, log-probabilities) become sections: token ids take 4 bytes instead
 * of 6.4 as JSON and 8 on the heap. An attribute of a valid span is never null, so that no mark is needed. A span with
 * something that JSON would change (NaN, -0, undefined or an instance under an unknown key) stays an object.
 */

/** Spans as they are handed to {@link packSpans}. */
export interface ArrivedSpan {
  readonly span: Span
  /** Place in the order of arrival within the rollout. */
  readonly arrival: number
  /** What it takes on the heap. */
  readonly bytes: number
}

export interface SpanChunk {
  readonly buffer: Buffer
  readonly count: number
  /** Those that stay objects, by their index. */
  readonly objects: ReadonlyMap<number, Span> | null
}

const entryBytes = 20
const floatBit = 0x8000_0000
/** Shorter lists are cheaper as JSON. */
const shortestSection = 16

interface Part {
  readonly sections: readonly Buffer[]
  readonly lengths: readonly number[]
  readonly json: string
  readonly bytes: number
}

export function packSpans(spans: readonly Pick<ArrivedSpan, 'span' | 'arrival'>[]): SpanChunk {
  const parts = spans.map(({ span }) => toPart(span))
  let offset = spans.length * entryBytes
  const total = parts.reduce((sum, part) => sum + (part?.bytes ?? 0), offset)
  const buffer = Buffer.allocUnsafeSlow(total)
  const objects = new Map<number, Span>()
  for (const [index, { span, arrival }] of spans.entries()) {
    const entry = index * entryBytes
    buffer.writeUInt32LE(hashOf(span.span_id), entry)
    buffer.writeUInt32LE(arrival, entry + 4)
    buffer.writeUInt32LE(offset, entry + 8)
    buffer.writeDoubleLE(span.sequence_id, entry + 12)
    const part = parts[index]!
    if (part === null) objects.set(index, span)
    else offset = writePart(buffer, part, offset)
  }
  return { buffer, count: spans.length, objects: objects.size === 0 ? null : objects }
}

function toPart(span: Span): Part | null {
  const sections: Buffer[] = []
  const lengths: number[] = []
  let attributes: Record<string, AttributeValue | null> | null = null
  for (const key in span.attributes) {
    const value = span.attributes[key]!
    if (!Array.isArray(value) || value.length < shortestSection || typeof value[0] !== 'number') continue
    const numbers = value as readonly number[]
    const isInteger = numbers.every((number) => number >>> 0 === number && !Object.is(number, -0))
    const data = isInteger ? Uint32Array.from(numbers) : Float64Array.from(numbers)
    sections.push(Buffer.from(data.buffer))
    lengths.push(isInteger ? numbers.length : numbers.length + floatBit)
    attributes ??= { ...span.attributes }
    attributes[key] = null
  }
  const rest = attributes === null ? span : { ...span, attributes }
  if (!isExactAsJson(rest, 0)) return null
  const json = JSON.stringify(rest)
  if (json.includes('\\') && hasEscapedKey(rest)) return null
  const inSections = sections.reduce((sum, section) => sum + section.length, 0)
  return { sections, lengths, json, bytes: 4 + 4 * sections.length + inSections + Buffer.byteLength(json) }
}

function writePart(buffer: Buffer, part: Part, start: number): number {
  let offset = buffer.writeUInt32LE(part.sections.length, start)
  for (const length of part.lengths) offset = buffer.writeUInt32LE(length, offset)
  for (const section of part.sections) offset += section.copy(buffer, offset)
  return offset + buffer.write(part.json, offset, 'utf8')
}

/** The span at an index, equal to the one that was packed; frozen at its top. */
export function unpackSpan(chunk: SpanChunk, index: number): Span {
  const object = chunk.objects?.get(index)
  if (object !== undefined) return object
  const { buffer } = chunk
  const start = buffer.readUInt32LE(index * entryBytes + 8)
  const end = index + 1 === chunk.count ? buffer.length : buffer.readUInt32LE((index + 1) * entryBytes + 8)
  const sections = buffer.readUInt32LE(start)
  let offset = start + 4 + 4 * sections
  const lists: number[][] = []
  for (let section = 0; section < sections; section++) {
    const word = buffer.readUInt32LE(start + 4 + 4 * section)
    const isFloat = word >= floatBit
    const length = isFloat ? word - floatBit : word
    const bytes = length * (isFloat ? 8 : 4)
    // A copy, because a section starts wherever the one before it ended.
    const data = new Uint8Array(buffer.subarray(offset, offset + bytes)).buffer
    lists.push(Array.from(isFloat ? new Float64Array(data) : new Uint32Array(data)))
    offset += bytes
  }
  const span = JSON.parse(buffer.toString('utf8', offset, end)) as Span
  if (lists.length > 0) fillIn(span.attributes as Record<string, unknown>, lists)
  return Object.freeze(span)
}

/** Keys come in the same order from JSON as they went into it. */
function fillIn(attributes: Record<string, unknown>, lists: readonly number[][]): void {
  let next = 0
  for (const key of Object.keys(attributes)) if (attributes[key] === null) attributes[key] = lists[next++]
}

export function arrivalAt(chunk: SpanChunk, index: number): number {
  return chunk.buffer.readUInt32LE(index * entryBytes + 4)
}

export function sequenceAt(chunk: SpanChunk, index: number): number {
  return chunk.buffer.readDoubleLE(index * entryBytes + 12)
}

/** Whether a span with this id is in the chunk. */
export function hasSpanId(chunk: SpanChunk, spanId: string): boolean {
  const hash = hashOf(spanId)
  for (let index = 0; index < chunk.count; index++) {
    if (chunk.buffer.readUInt32LE(index * entryBytes) === hash && unpackSpan(chunk, index).span_id === spanId) return true
  }
  return false
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}

// oxlint-disable-next-line no-control-regex -- these are what JSON escapes
const escaped = /["\\\u0000-\u001f\ud800-\udfff]/

/**
 * Whether a key is written with an escape. `JSON.parse` of V8 may take such a key for another one (Node 24.21: after
 * `{"\\":1}` has been parsed, `{"\n":1}` has the key `\`).
 */
function hasEscapedKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(hasEscapedKey)
  for (const key in value) {
    if (escaped.test(key) || hasEscapedKey((value as Readonly<Record<string, unknown>>)[key])) return true
  }
  return false
}

const deepest = 100

/** Whether JSON gives an equal value back. */
function isExactAsJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'object': {
      if (value === null) return true
      if (depth > deepest) return false
      if (Array.isArray(value)) return isExactList(value, depth)
      return isExactObject(value, depth)
    }
    default:
      return false
  }
}

function isExactList(list: readonly unknown[], depth: number): boolean {
  // Not `every`, which skips holes.
  for (let index = 0; index < list.length; index++) if (!isExactAsJson(list[index], depth + 1)) return false
  return true
}

function isExactObject(value: object, depth: number): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype !== Object.prototype && prototype !== null) return false
  for (const key in value) {
    if (!isExactAsJson((value as Readonly<Record<string, unknown>>)[key], depth + 1)) return false
  }
  return true
}
