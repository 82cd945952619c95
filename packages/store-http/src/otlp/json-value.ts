import { checkDepth, integerValue, type OtlpAttributes, type OtlpValue, setAttribute, setOwn } from './attributes.ts'
import { type JsonMessage, listField, messageField, textField, toBigInt, wrongField } from './json-fields.ts'

/** Sets what a `KeyValue` says. */
export function setJsonAttribute(attributes: OtlpAttributes, entry: JsonMessage): void {
  setAttribute(attributes, textField(entry, 'key'), readValue(messageField(entry, 'value'), 0))
}

/** An `AnyValue`. Of several values, which nobody writes, the last holds. */
function readValue(message: JsonMessage, depth: number): OtlpValue {
  let value: OtlpValue = null
  // By key instead of asking for each of the names: a token id is an object with one key.
  for (const name in message) value = readKind(name, message, depth) ?? value
  return value
}

/** Null for a key that nobody knows, and for a value that is null. */
function readKind(name: string, message: JsonMessage, depth: number): OtlpValue {
  const value = message[name]
  if (value === null) return null
  switch (name) {
    case 'stringValue':
    case 'string_value':
      return textField(message, name)
    case 'intValue':
    case 'int_value':
      return readInteger(value)
    case 'doubleValue':
    case 'double_value':
      return readDouble(value)
    case 'boolValue':
    case 'bool_value':
      return readBoolean(value)
    case 'arrayValue':
    case 'array_value':
      return readList(messageField(message, name), depth)
    case 'kvlistValue':
    case 'kvlist_value':
      return readMap(messageField(message, name), depth)
    case 'bytesValue':
    case 'bytes_value':
      return readBytes(value)
    default:
      return null
  }
}

function readInteger(value: unknown): number | string {
  if (Number.isSafeInteger(value)) return value as number
  const integer = toBigInt(value)
  if (integer === null) throw wrongField('intValue', 'an integer', value)
  // JavaScript exporters call every whole number an integer, 1e300 too.
  return typeof value === 'number' && Math.abs(value) >= 2 ** 63 ? value : integerValue(integer)
}

function readDouble(value: unknown): number {
  if (typeof value === 'number') return value
  if (value === 'NaN') return NaN
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN
  if (Number.isNaN(number)) throw wrongField('doubleValue', 'a number', value)
  return number
}

function readBoolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrongField('boolValue', 'true or false', value)
  return value
}

/** Base64 of either alphabet, padded or not. */
function readBytes(value: unknown): string {
  if (typeof value !== 'string' || !/^[\w+/-]*={0,2}$/.test(value)) throw wrongField('bytesValue', 'base64', value)
  return Buffer.from(value, 'base64').toString('hex')
}

function readList(list: JsonMessage, depth: number): OtlpValue {
  checkDepth(depth)
  return listField(list, 'values').map((item) => readValue(item, depth + 1))
}

function readMap(list: JsonMessage, depth: number): OtlpValue {
  checkDepth(depth)
  const map: Record<string, OtlpValue> = {}
  for (const entry of listField(list, 'values')) {
    setOwn(map, textField(entry, 'key'), readValue(messageField(entry, 'value'), depth + 1))
  }
  return map
}
