import { describeValue } from '@agl/types'
import { secondsOfNanos } from './times.ts'

/** A message of OTLP/JSON. */
export type JsonMessage = Readonly<Record<string, unknown>>

/** A field under its JSON name or the one of the .proto; undefined when it is absent or null. */
export function field(message: JsonMessage, name: string, protoName: string = name): unknown {
  return message[name] ?? message[protoName] ?? undefined
}

export function wrongField(name: string, expected: string, value: unknown): Error {
  return new Error(`expected \`${name}\` to be ${expected}; got ${describeValue(value)}`)
}

const none: JsonMessage = {}

export function messageField(message: JsonMessage, name: string, protoName?: string): JsonMessage {
  const value = field(message, name, protoName) ?? none
  if (!isMessage(value)) throw wrongField(name, 'an object', value)
  return value
}

export function listField(message: JsonMessage, name: string, protoName?: string): readonly JsonMessage[] {
  const value = field(message, name, protoName) ?? []
  if (!Array.isArray(value)) throw wrongField(name, 'a list', value)
  const wrong: unknown = value.find((item) => !isMessage(item))
  if (wrong !== undefined) throw wrongField(name, 'a list of objects', wrong)
  return value
}

function isMessage(value: unknown): value is JsonMessage {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Escapes can spell half of a surrogate pair, which is no text: U+FFFD, as for invalid UTF-8. */
export function textField(message: JsonMessage, name: string, protoName?: string): string {
  const value = field(message, name, protoName) ?? ''
  if (typeof value !== 'string') throw wrongField(name, 'a text', value)
  return value.toWellFormed()
}

export function hexField(message: JsonMessage, name: string, protoName?: string): string {
  const value = field(message, name, protoName) ?? ''
  if (typeof value !== 'string' || !/^[0-9a-f]*$/i.test(value)) throw wrongField(name, 'hex digits', value)
  return value.toLowerCase()
}

/** Epoch seconds of a field that counts nanoseconds; null when it is absent or 0. */
export function timeField(message: JsonMessage, name: string, protoName: string): number | null {
  const value = field(message, name, protoName) ?? 0
  const nanos = toBigInt(value)
  if (nanos === null || nanos < 0n || nanos >= 1n << 64n) throw wrongField(name, 'a count of nanoseconds', value)
  return secondsOfNanos(Number(nanos & 0xffffffffn), Number(nanos >> 32n))
}

/** An integer as a number or in decimal digits; null for anything else. No longer than 64 bits need: BigInt is not linear. */
export function toBigInt(value: unknown): bigint | null {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : null
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : null
}
