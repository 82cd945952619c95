import { describeValue, isPlainObject } from '@agl/types'
import { invalid } from '../template-error.ts'

/**
 * Values as Python sees them. None, bool, str, list and dict are null, booleans, strings, arrays and plain objects. JavaScript has one
 * type of number: a safe whole number is an int, any other number a float. A `bigint` is an int, a `Map` a dict with its order.
 */
export type PythonType = 'NoneType' | 'bool' | 'int' | 'float' | 'str' | 'list' | 'tuple' | 'dict'

/** A float whose value is whole, which a template made: `4 / 2` is `2.0`. */
export class Float {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

/** A tuple that a template made. */
export class Tuple {
  readonly items: readonly unknown[]
  constructor(items: readonly unknown[]) {
    this.items = items
  }
}

/** The type of a value; null for what has none in a prompt: functions, class instances, symbols. */
export function knownTypeOf(value: unknown): PythonType | null {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'string':
      return 'str'
    case 'bigint':
      return 'int'
    case 'number':
      return Number.isSafeInteger(value) ? 'int' : 'float'
    case 'object':
      if (value === null) return 'NoneType'
      if (Array.isArray(value)) return 'list'
      if (value instanceof Float) return 'float'
      if (value instanceof Tuple) return 'tuple'
      return value instanceof Map || isPlainObject(value) ? 'dict' : null
    default:
      return null
  }
}

export function typeOf(value: unknown): PythonType {
  const type = knownTypeOf(value)
  if (type === null) throw invalid(`expected values of JSON in a prompt, got ${describeValue(value)}`)
  return type
}

/** A float of this value. */
export function float(value: number): number | Float {
  return Number.isSafeInteger(value) ? new Float(value) : value
}

/** Items of a list or tuple. */
export function itemsOf(value: unknown): readonly unknown[] | null {
  if (Array.isArray(value)) return value as readonly unknown[]
  return value instanceof Tuple ? value.items : null
}

/** Keys and values of a dict, its own only. */
export function entriesOf(value: unknown): readonly (readonly [unknown, unknown])[] | null {
  if (knownTypeOf(value) !== 'dict') return null
  return value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value as object)
}

/** What stands in for a value that is not there. */
export const missing: unique symbol = Symbol('missing')

/** An own entry of a dict, `missing` when there is none: nothing that JavaScript adds to an object can be reached from a template. */
export function entryOf(value: unknown, key: unknown): unknown {
  if (value instanceof Map) return value.has(key) ? value.get(key) : missing
  if (!isPlainObject(value)) return missing
  const name = typeof key === 'string' ? key : typeof key === 'number' ? String(key) : null
  if (name === null || !Object.hasOwn(value, name)) return missing
  const found = value[name]
  return found === undefined ? missing : found
}

/** Characters as Python counts them. */
export function codePoints(text: string): readonly string[] {
  return Array.from(text)
}

export function lengthOf(text: string): number {
  // oxlint-disable-next-line no-control-regex -- ASCII begins with them
  return /^[\u0000-\u007f]*$/.test(text) ? text.length : codePoints(text).length
}
