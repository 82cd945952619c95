import type { Attributes, AttributeValue } from '../attribute.ts'
import { AglError } from '../errors.ts'
import { isPlainObject } from '../plain.ts'

export interface FlattenOptions {
  /** Put before every key, with a dot. */
  readonly prefix?: string
  /**
   * What to do with a value that no attribute can hold (null, a function, an instance of a class, a cycle): `refuse` it with an
   * error, or write it as `text`. Default `refuse`.
   */
  readonly other?: 'refuse' | 'text'
}

/** Deeper than any sensible value and safely within the stack. */
const maxDepth = 100

/**
 * Nested maps and lists as dotted keys: `{ a: { b: [{ c: 1 }] } }` becomes `a.b.0.c`. A list of primitives of one type stays a
 * list; every other list is numbered. Empty maps and lists vanish, and so does undefined; dates become ISO text, bigints numbers
 * (digits beyond 2^53).
 * @throws AglError `invalid_argument` where `other` is `refuse` and a value has no place in a span
 */
export function flattenAttributes(value: unknown, { prefix = '', other = 'refuse' }: FlattenOptions = {}): Attributes {
  const attributes: Record<string, AttributeValue> = {}
  const open = new Set<object>()

  function put(key: string, value: unknown): void {
    if (key === '__proto__') refuse(key, value)
    else if (isPrimitive(value)) attributes[key] = value
    else if (typeof value === 'bigint') attributes[key] = Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
    else if (value instanceof Date && !Number.isNaN(value.getTime())) attributes[key] = value.toISOString()
    else if (Array.isArray(value) && isListOfOneType(value)) attributes[key] = value
    else if (Array.isArray(value) || isPlainObject(value)) descend(key, value)
    else if (value !== undefined) refuse(key, value)
  }

  function descend(key: string, value: object): void {
    if (open.has(value) || open.size === maxDepth) return refuse(key, value)
    open.add(value)
    for (const [name, item] of Object.entries(value)) put(key === '' ? name : `${key}.${name}`, item)
    open.delete(value)
  }

  function refuse(key: string, value: unknown): void {
    if (other === 'text') {
      attributes[key] = toText(value)
      return
    }
    throw new AglError({
      code: 'invalid_argument',
      message:
        `The value at "${key}" has no place in a span: it is ${describe(value)}. Attributes hold text, numbers, booleans, ` +
        'and maps and lists of these (not within themselves).',
    })
  }

  put(prefix, value)
  return attributes
}

/**
 * The reverse: dotted keys as nested maps; a level whose keys are exactly 0 … n-1 is a list. Where a key is both a value and the
 * beginning of others, the others win.
 */
export function unflattenAttributes(attributes: Readonly<Record<string, unknown>>): unknown {
  const root: Branch = new Map()
  for (const [key, value] of Object.entries(attributes)) {
    const names = key.split('.')
    const last = names.pop()!
    let branch = root
    for (const name of names) {
      const next = branch.get(name)
      if (next instanceof Map) {
        branch = next
        continue
      }
      const made: Branch = new Map()
      branch.set(name, made)
      branch = made
    }
    if (!(branch.get(last) instanceof Map)) branch.set(last, value)
  }
  return toNested(root)
}

/** The attributes under a dotted prefix, without it. */
export function attributesUnder(attributes: Attributes, prefix: string): Attributes {
  const start = `${prefix}.`
  const entries: [string, AttributeValue][] = []
  for (const key in attributes) if (key.startsWith(start)) entries.push([key.slice(start.length), attributes[key]!])
  return Object.fromEntries(entries)
}

type Branch = Map<string, unknown>

/** Depth is bounded by the dots of one key; a key of a hundred thousand dots is nobody's attribute, and must not end the process. */
function toNested(branch: Branch, depth = 0): unknown {
  const entries: [string, unknown][] = []
  for (const [name, value] of branch) {
    entries.push([name, value instanceof Map ? (depth < maxDepth ? toNested(value as Branch, depth + 1) : null) : value])
  }
  const isList = entries.length > 0 && entries.every(([name]) => isIndexBelow(name, entries.length))
  if (!isList) return Object.fromEntries(entries)
  return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, value]) => value)
}

function isIndexBelow(name: string, length: number): boolean {
  const index = Number(name)
  return Number.isInteger(index) && index >= 0 && index < length && String(index) === name
}

function isPrimitive(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function isListOfOneType(value: readonly unknown[]): value is readonly string[] {
  if (value.length === 0 || !isPrimitive(value[0])) return false
  const kind = typeof value[0]
  for (let index = 1; index < value.length; index++) if (typeof value[index] !== kind) return false
  return true
}

function toText(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value) || isPlainObject(value)) return 'part of itself, or nested too deep'
  return typeof value === 'object' ? `an instance of ${value.constructor?.name ?? 'a class'}` : `a ${typeof value}`
}
