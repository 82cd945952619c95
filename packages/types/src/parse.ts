import { z } from 'zod'
import { AglError } from './errors.ts'

/**
 * Parses a value at an edge (options, CLI, file, wire) and says in plain words what was wrong with it.
 * @param what names the value in the message, for example `options of createRunner`
 * @throws AglError `invalid_argument`, with zod's issues as `data.issues`
 */
export function parseOrThrow<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new AglError({
    code: 'invalid_argument',
    message: `Invalid ${what}:\n${z.prettifyError(result.error)}`,
    data: { issues: result.error.issues },
  })
}

/**
 * Checks an options object strictly (an unknown option is an error) and fills in the defaults. An option that is
 * `undefined` counts as not given. Values are passed on as they are, not as copies.
 * @throws AglError `invalid_argument`
 */
export function parseOptions<Options extends object, Defaults extends object>(
  schema: z.ZodType,
  options: Options,
  defaults: Defaults,
  what: string,
): Options & Defaults {
  parseOrThrow(schema, options, what)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options
  return { ...defaults, ...given }
}

/** A schema for an object that implements a contract, told by its methods. `expected` is what the error asks for, for example `a store`. */
export function implementing<Contract>(expected: string, ...methods: readonly (keyof Contract & string)[]): z.ZodType<Contract> {
  const has = (value: object, method: string): boolean =>
    method in value && typeof (value as Record<string, unknown>)[method] === 'function'
  return z.custom<Contract>(
    (value) => typeof value === 'object' && value !== null && methods.every((method) => has(value, method)),
    {
      error: `expected ${expected}`,
    },
  )
}
