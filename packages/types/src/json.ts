import { z } from 'zod'
import { jsonSourceOf, keepJsonSource } from './json-source.ts'
import { isPlainObject } from './plain.ts'

/** Any JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** A JSON object. */
export type JsonObject = { readonly [key: string]: JsonValue }

/** What keeps a value from being JSON. */
export interface JsonOffender {
  /** Where it is, for example `.steps[3].time`; '' for the value itself. */
  readonly path: string
  readonly description: string
}

/** Deeper than any sensible value and safely within the stack. */
const maxDepth = 200

/**
 * What keeps a value from being written as JSON and read back the same: undefined, functions, class instances, NaN, cycles;
 * null for JSON. Hand-written: `z.json()` has no end to its depth and drops a key `__proto__`.
 */
export function jsonOffender(value: unknown, depth: number = 0): JsonOffender | null {
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
      return { path: '', description: typeof value === 'undefined' ? 'undefined' : `a ${typeof value}` }
  }
}

function offenderInArray(values: readonly unknown[], depth: number): JsonOffender | null {
  for (let index = 0; index < values.length; index++) {
    const found = jsonOffender(values[index], depth + 1)
    if (found !== null) return { path: within(`[${index}]`, found, depth), description: found.description }
  }
  return null
}

function offenderInObject(value: object, depth: number): JsonOffender | null {
  if (!isPlainObject(value)) return { path: '', description: `an instance of ${value.constructor?.name ?? 'a class'}` }
  for (const [key, item] of Object.entries(value)) {
    const found = jsonOffender(item, depth + 1)
    if (found !== null) return { path: within(`.${key}`, found, depth), description: found.description }
  }
  return null
}

/** Of what is nested without end the first steps tell enough. */
function within(step: string, { path }: JsonOffender, depth: number): string {
  return depth > 8 ? '…' : step + path
}

/** A copy of JSON that shares nothing with it, with the texts that its parts came as. */
export function copyJson<Value extends JsonValue>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  const copy = (
    Array.isArray(value)
      ? value.map((item: JsonValue) => copyJson(item))
      : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyJson(item as JsonValue)]))
  ) as Value & object
  const source = jsonSourceOf(value)
  if (source !== undefined) keepJsonSource(copy, source)
  return copy
}

function refuse(value: unknown, context: z.core.$RefinementCtx): void {
  const found = jsonOffender(value)
  if (found !== null)
    context.addIssue({ code: 'custom', message: `expected JSON; ${found.path || 'it'} is ${found.description}` })
}

/** Any JSON value, taken as it is. */
export const jsonValueSchema: z.ZodType<JsonValue> = z.unknown().superRefine(refuse) as unknown as z.ZodType<JsonValue>

/** What a rollout's metadata and the like hold: an object of JSON, copied. */
export const jsonObjectSchema: z.ZodType<JsonObject> = z
  .custom<JsonObject>(isPlainObject, { error: 'expected an object' })
  .superRefine(refuse)
  .transform((value) => copyJson(value))

/** An object of named values: as `z.record`, which would pass over a key `__proto__` without a word. */
export function namedValues<Value>(schema: z.ZodType<Value>): z.ZodType<Readonly<Record<string, Value>>> {
  return z
    .custom<Record<string, unknown>>(isPlainObject, { error: 'expected an object' })
    .refine((value) => !Object.hasOwn(value, '__proto__'), { error: 'expected no key "__proto__"' })
    .pipe(z.record(z.string(), schema)) as unknown as z.ZodType<Readonly<Record<string, Value>>>
}
