import type { Attributes } from '../attribute.ts'
import { AglError } from '../errors.ts'
import { isPlainObject } from '../plain.ts'
import { spanAttributes as names } from '../semantic-conventions.ts'

type WithAttributes = { readonly attributes: Attributes }

/**
 * The attributes that hold a value, under the type names of Python so that either side reads them: `str`, `int`, `float`, `bool` and
 * `bytes` as text, everything else as JSON.
 * @throws AglError `invalid_argument` for what JSON cannot hold
 */
export function objectToAttributes(value: unknown): Record<string, string> {
  const literal = toLiteral(value)
  if (literal !== null) return { [names.objectType]: literal.type, [names.objectLiteral]: literal.text }
  const json = toJson(value)
  return { [names.objectType]: typeOf(value), [names.objectJson]: json }
}

/** The value an object span holds; undefined when it holds none. Text that cannot be decoded is given as it is. */
export function readObject({ attributes }: WithAttributes): unknown {
  const json = attributes[names.objectJson]
  if (typeof json === 'string') {
    try {
      return JSON.parse(json) as unknown
    } catch {
      return json
    }
  }
  const text = attributes[names.objectLiteral]
  return typeof text === 'string' ? fromLiteral(text, attributes[names.objectType]) : undefined
}

/** The text of a message span; null for any other span. */
export function readMessage({ attributes }: WithAttributes): string | null {
  const body = attributes[names.messageBody]
  return typeof body === 'string' ? body : null
}

function toLiteral(value: unknown): { readonly type: string; readonly text: string } | null {
  switch (typeof value) {
    case 'string':
      return { type: 'str', text: value }
    case 'number':
      return Number.isInteger(value) ? { type: 'int', text: String(value) } : { type: 'float', text: floatText(value) }
    case 'bigint':
      return { type: 'int', text: String(value) }
    case 'boolean':
      return { type: 'bool', text: value ? 'True' : 'False' }
    default:
      return value instanceof Uint8Array ? { type: 'bytes', text: toBase64(value) } : null
  }
}

function fromLiteral(text: string, type: unknown): unknown {
  switch (type) {
    case 'int': {
      const number = Number(text)
      return Number.isSafeInteger(number) || !/^-?\d+$/.test(text) ? number : BigInt(text)
    }
    case 'float':
      return floats.get(text) ?? Number(text)
    case 'bool':
      return text === 'True'
    case 'bytes':
      return fromBase64(text)
    default:
      return text
  }
}

/** How Python spells them. */
const floats: ReadonlyMap<string, number> = new Map([
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['nan', Number.NaN],
])

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  return Number.isFinite(value) ? String(value) : value > 0 ? 'inf' : '-inf'
}

function toJson(value: unknown): string {
  let json: string | undefined
  let cause: unknown
  try {
    json = JSON.stringify(value)
  } catch (error) {
    cause = error
  }
  if (json !== undefined) return json
  throw new AglError({
    code: 'invalid_argument',
    message: `An object span holds what JSON can hold, or bytes; got ${value === undefined ? 'undefined' : `a ${typeof value} that JSON cannot hold`}.`,
    cause,
  })
}

function typeOf(value: unknown): string {
  if (value === null) return 'NoneType'
  if (Array.isArray(value)) return 'list'
  return isPlainObject(value) ? 'dict' : ((value as object).constructor?.name ?? 'dict')
}

/** By pieces: a call takes only so many arguments. */
function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let start = 0; start < bytes.length; start += 0x8000)
    binary += String.fromCharCode(...bytes.subarray(start, start + 0x8000))
  return btoa(binary)
}

function fromBase64(text: string): Uint8Array | string {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return text
  }
}
