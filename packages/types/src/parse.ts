import { z } from 'zod'
import { AglError } from './errors.ts'
import { isPlainObject } from './plain.ts'

/**
 * Parses a value at an edge (options, CLI, file, wire) and says in plain words what was wrong with it.
 * @param what names the value in the message, for example `options of createRunner`
 * @throws AglError `invalid_argument`, with zod's issues as `data.issues`; also for an instance of a class, whose values
 *   zod would not see
 */
export function parseOrThrow<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !isPlainObject(value)) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected ${what} to be a plain object; got ${describeValue(value)}.`,
    })
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const { issues } = result.error
  throw new AglError({
    code: 'invalid_argument',
    message: `Invalid ${what}:\n${issues.map((issue) => describeIssue(issue, value)).join('\n')}`,
    data: { issues },
  })
}

/** What was expected, what came, and where. @param value what was parsed, of which the issue is a part */
export function describeIssue(issue: z.core.$ZodIssue, value: unknown): string {
  const place = issue.path.length === 0 ? '' : `\n  → at ${z.core.toDotPath(issue.path)}`
  // The words for a wrong type say what came, and an unknown key has its name in them.
  const isComplete = issue.code === 'unrecognized_keys'
  const came = isComplete ? '' : `; got ${describeValue(valueAt(value, issue.path), String(issue.path.at(-1) ?? ''))}`
  return `✖ ${issue.message.replace(/, received .*$/, '')}${came}${place}`
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let present = value
  for (const key of path) {
    if (typeof present !== 'object' || present === null) return undefined
    present = (present as Readonly<Record<PropertyKey, unknown>>)[key]
  }
  return present
}

const longestQuote = 60
/** Under such names lie secrets, of which no message may tell more than their kind. */
const secret = /key|token|secret|password/i

/**
 * A text whose URLs tell no user and no password. Passwords are often not escaped, so everything up to the last `@` of a word counts as
 * credentials.
 */
export function hideCredentials(text: string, instead: string = '…'): string {
  return text.replace(/\S+/g, (word) => {
    const start = word.indexOf('://') + 3
    const end = word.lastIndexOf('@')
    return start > 2 && end >= start ? word.slice(0, start) + instead + word.slice(end) : word
  })
}

function quote(text: string): string {
  return text.length > longestQuote ? `${JSON.stringify(text.slice(0, longestQuote))}…` : JSON.stringify(text)
}

/** A value in a few words. @param name under which it was found */
export function describeValue(value: unknown, name: string = ''): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing'
    case 'string':
      if (secret.test(name)) return `a text of ${value.length} characters`
      return quote(hideCredentials(value))
    case 'number':
    case 'boolean':
      return String(value)
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return `a list of ${value.length}`
      return isPlainObject(value) ? 'an object' : `an instance of ${value.constructor?.name ?? 'a class'}`
    default:
      return `a ${typeof value}`
  }
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
