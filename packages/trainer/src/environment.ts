import { AglError } from '@agl/types'

/*
 * The environment variables of the Python package, for programs that are started with another role on each machine. The only place
 * where a package reads the environment. What is given as an option wins, and its variable is not even looked at.
 */

export const roles: readonly ['both', 'algorithm', 'runner'] = ['both', 'algorithm', 'runner']
export type Role = (typeof roles)[number]

/** What the environment may say of the strategy `cs`. */
export interface StrategyEnvironment {
  readonly role: Role
  readonly host: string
  readonly port: number
  readonly managedStore: boolean
}

type Readers = { readonly [Name in keyof StrategyEnvironment]: (text: string) => StrategyEnvironment[Name] | null }
type Variables = Readonly<Record<keyof StrategyEnvironment, readonly [name: string, expected: string]>>

const variables: Variables = {
  role: ['AGL_CURRENT_ROLE', `one of ${roles.join(', ')}`],
  host: ['AGL_SERVER_HOST', 'a host name or an address'],
  port: ['AGL_SERVER_PORT', 'a port from 0 to 65535'],
  managedStore: ['AGL_MANAGED_STORE', 'one of 1, true, yes, on or 0, false, no, off'],
}

const readers: Readers = {
  role: (text) => roles.find((role) => role === text) ?? null,
  host: (text) => (text === '' ? null : text),
  port: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : null),
  managedStore: (text) => booleans[text.toLowerCase()] ?? null,
}

const booleans: Readonly<Record<string, boolean>> = {
  1: true,
  true: true,
  yes: true,
  on: true,
  0: false,
  false: false,
  no: false,
  off: false,
}

/** Fills in what is not given. @throws AglError `invalid_argument` that names the variable */
export function withEnvironment<Given extends Partial<StrategyEnvironment>>(
  given: Given,
  environment: NodeJS.ProcessEnv = process.env,
): Given & Partial<StrategyEnvironment> {
  const found: Record<string, unknown> = {}
  for (const key of Object.keys(variables) as (keyof StrategyEnvironment)[]) {
    const [name, expected] = variables[key]
    const text = environment[name]
    if (given[key] !== undefined || text === undefined) continue
    const value = readers[key](text.trim())
    if (value === null) {
      throw new AglError({
        code: 'invalid_argument',
        message: `Expected the environment variable ${name} to be ${expected}; got ${JSON.stringify(text)}. Unset it, or give the option \`${key}\`.`,
        data: { variable: name },
      })
    }
    found[key] = value
  }
  return { ...given, ...found }
}
