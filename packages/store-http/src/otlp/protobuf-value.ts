import { checkDepth, integerValue, type OtlpAttributes, type OtlpValue, setAttribute, setOwn } from './attributes.ts'
import { checkEnd, type ProtobufInput, readEnd, readHex, readText, skipField } from './protobuf-input.ts'

/*
 * `KeyValue`, `AnyValue` and what these hold, of opentelemetry/proto/common/v1/common.proto. The numbers of the cases are
 * tags as they stand in the payload: field << 3 | wire type.
 */

/** A `KeyValue` of a span, an event, a link or a resource. */
export function readAttribute(input: ProtobufInput, attributes: OtlpAttributes): void {
  const end = readEnd(input)
  const { reader } = input
  let key = ''
  let value: OtlpValue = null
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === 10) key = readText(input)
    else if (tag === 18) value = readValue(input, 0)
    else skipField(input, tag)
  }
  checkEnd(input, end)
  setAttribute(attributes, key, value)
}

function readValue(input: ProtobufInput, depth: number): OtlpValue {
  const end = readEnd(input)
  const { reader } = input
  let value: OtlpValue = null
  while (reader.pos < end) {
    const tag = reader.uint32()
    switch (tag) {
      case 10:
        value = readText(input)
        break
      case 16:
        value = reader.bool()
        break
      case 24:
        value = readInteger(input)
        break
      case 33:
        value = reader.double()
        break
      case 42:
        value = readList(input, depth)
        break
      case 50:
        value = readMap(input, depth)
        break
      case 58:
        value = readHex(input)
        break
      default:
        skipField(input, tag)
    }
  }
  checkEnd(input, end)
  return value
}

/** Below 2^28 without a bigint on the way. */
function readInteger({ reader, bytes }: ProtobufInput): number | string {
  const { pos } = reader
  const length = bytes[pos]! < 128 ? 1 : bytes[pos + 1]! < 128 ? 2 : bytes[pos + 2]! < 128 ? 3 : 4
  const value = smallInteger(bytes, pos, length)
  if (value === -1) return integerValue(BigInt(reader.int64()))
  reader.pos = pos + length
  return value
}

/** An `ArrayValue`. */
function readList(input: ProtobufInput, depth: number): OtlpValue {
  checkDepth(depth)
  const end = readEnd(input)
  const { reader, bytes } = input
  const values: OtlpValue[] = []
  while (reader.pos < end) {
    // Token ids: elements of a few bytes that hold nothing but a small integer, a thousand at a time.
    const { pos } = reader
    if (bytes[pos] === 10 && bytes[pos + 2] === 24) {
      const length = bytes[pos + 1]! - 1
      const value = length >= 1 && length <= 4 ? smallInteger(bytes, pos + 3, length) : -1
      if (value !== -1) {
        values.push(value)
        reader.pos = pos + 3 + length
        continue
      }
    }
    const tag = reader.uint32()
    if (tag === 10) values.push(readValue(input, depth + 1))
    else skipField(input, tag)
  }
  checkEnd(input, end)
  return values
}

/** A varint of exactly 1 to 4 bytes; -1 when those bytes are none. */
function smallInteger(bytes: Buffer, start: number, length: number): number {
  const last = start + length - 1
  let value = 0
  let shift = 0
  for (let index = start; index < last; index++) {
    const byte = bytes[index]!
    if (byte < 128) return -1
    value |= (byte & 127) << shift
    shift += 7
  }
  const byte = bytes[last]!
  return byte < 128 ? value | (byte << shift) : -1
}

/** A `KeyValueList`. */
function readMap(input: ProtobufInput, depth: number): OtlpValue {
  checkDepth(depth)
  const end = readEnd(input)
  const { reader } = input
  const map: Record<string, OtlpValue> = {}
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === 10) readMapEntry(input, depth, map)
    else skipField(input, tag)
  }
  checkEnd(input, end)
  return map
}

function readMapEntry(input: ProtobufInput, depth: number, map: Record<string, OtlpValue>): void {
  const end = readEnd(input)
  const { reader } = input
  let key = ''
  let value: OtlpValue = null
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === 10) key = readText(input)
    else if (tag === 18) value = readValue(input, depth + 1)
    else skipField(input, tag)
  }
  checkEnd(input, end)
  setOwn(map, key, value)
}
