import { isPlainObject } from '@agl/types'
import type { z } from 'zod'

/*
 * Quick checks. A schema takes microseconds and a dozen objects for each request, more than most verbs take for their work;
 * a test by hand takes neither. An object whose fields all pass their tests is one that its schema accepts as it is (a
 * property test holds the two together). Every other one, also one with a field that has no test, is left to the schema,
 * which alone refuses and words the refusal.
 */

export type Test = (value: unknown) => boolean

const tests = new WeakMap<z.core.$ZodType, Test>()

/** Gives a schema a test, which must pass nothing that the schema would refuse or change. It is never asked about undefined. */
export function withTest<Schema extends z.core.$ZodType>(schema: Schema, test: Test): Schema {
  tests.set(schema, test)
  return schema
}

export function orNull(test: Test): Test {
  return (value) => value === null || test(value)
}

/** The quick check of an object with these fields; it passes nothing while a field that must be there has no test. */
export function quickCheckOf(shape: z.core.$ZodLooseShape): Test {
  const required: Record<string, Test> = {}
  const optional: Record<string, Test> = {}
  for (const [key, schema] of Object.entries(shape) as readonly [string, z.core.$ZodType][]) {
    const isOptional = schema._zod.optin === 'optional'
    const test = tests.get(schema)
    if (test === undefined && !isOptional) return () => false
    if (test !== undefined) (isOptional ? optional : required)[key] = test
  }
  return quickCheck(required, optional)
}

/** Passes a plain object that has all required fields and none that is not among these. */
export function quickCheck(required: Readonly<Record<string, Test>>, optional: Readonly<Record<string, Test>>): Test {
  const testOf = new Map(Object.entries({ ...required, ...optional }))
  const must = new Set(Object.keys(required))
  return (value) => {
    if (!isPlainObject(value)) return false
    let found = 0
    for (const key in value) {
      const test = testOf.get(key)
      if (test === undefined) return false
      const item = value[key]
      if (item !== undefined) {
        if (!test(item)) return false
        if (must.has(key)) found++
      }
    }
    return found === must.size
  }
}
