import { AglError } from '@agl/types'
import { isPlainObject } from './plain.ts'

/** Deeper than any sensible value and safely within the stack. */
const maxDepth = 200

/**
 * Checks that a value can be written as JSON and read back the same: no undefined, functions, class instances, NaN or
 * cycles. Hand-written, because a recursive zod schema copies what it checks.
 * @param what names the value in the message, for example `input`
 * @throws AglError `invalid_argument` with the place of the first offender
 */
export function checkJson(value: unknown, what: string): void {
  const found = jsonOffender(value)
  if (found === null) return
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected ${what} to be JSON; ${what}${found.path} is ${found.description}.`,
    data: { path: found.path },
  })
}

/** What keeps a value from being JSON, and where it is; null for JSON. */
export function jsonOffender(value: unknown): JsonOffender | null {
  return findOffender(value, 0)
}

export interface JsonOffender {
  readonly path: string
  readonly description: string
}

function findOffender(value: unknown, depth: number): JsonOffender | null {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return null
    case 'number':
      return Number.isFinite(value) ? null : { path: '', description: String(value) }
    case 'object':
      if (value === null) return null
      if (depth === maxDepth) return { path: '', description: `nested deeper than ${maxDepth} levels, or in itself` }
      return Array.isArray(value) ? offenderInArray(value, depth) : offenderInObject(value, depth)
    default:
      return { path: '', description: typeof value }
  }
}

function offenderInArray(values: readonly unknown[], depth: number): JsonOffender | null {
  for (let index = 0; index < values.length; index++) {
    const found = findOffender(values[index], depth + 1)
    if (found !== null) return { path: `[${index}]${found.path}`, description: found.description }
  }
  return null
}

function offenderInObject(value: object, depth: number): JsonOffender | null {
  if (!isPlainObject(value)) return { path: '', description: `an instance of ${value.constructor.name}` }
  for (const [key, item] of Object.entries(value)) {
    const found = findOffender(item, depth + 1)
    if (found !== null) return { path: `.${key}${found.path}`, description: found.description }
  }
  return null
}
