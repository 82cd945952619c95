import { AglError } from '@agl/types'
import { z } from 'zod'
import { suggest } from './closest.ts'

/** Name → value; a program passes `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** `$${` is an escaped `${`; `${NAME}` and `${NAME:-default}` are references; any other `${` is a mistake. */
const pattern = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g

/**
 * Puts the environment in the place of references. As in a shell, `${NAME:-default}` takes the default also for an empty
 * value; values and defaults are taken as they are, references in them are not followed.
 * @returns `variable`: the name of the first reference, null without any
 * @throws AglError `invalid_argument`
 */
export function resolveReferences(
  text: string,
  environment: Environment,
  where: { readonly file: string; readonly path: readonly PropertyKey[] },
): { readonly text: string; readonly variable: string | null } {
  let variable: string | null = null
  const fail = (message: string): never => {
    const place = where.path.length === 0 ? '' : `${z.core.toDotPath(where.path)}, in `
    throw new AglError({ code: 'invalid_argument', message: `${message}\n  → at ${place}${where.file}` })
  }
  const resolved = text.replace(pattern, (found, name: string | undefined, otherwise: string | undefined) => {
    if (found === '$${') return '${'
    if (name === undefined)
      return fail('Expected ${NAME} or ${NAME:-default} after "$"; write $${ for the two characters themselves.')
    variable ??= name
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined
    if (otherwise !== undefined) return value === undefined || value === '' ? otherwise : value
    return value ?? fail(missing(name, environment))
  })
  return { text: resolved, variable }
}

function missing(name: string, environment: Environment): string {
  // Of what else is in the environment only a name that is nearly the same is told.
  const guess = /did you mean "[^"]+"\?/.exec(suggest(name, Object.keys(environment)))?.[0]
  const hint = guess === undefined ? '' : ` (${guess})`
  return `The environment variable ${name} is not set${hint}: set it, or write \${${name}:-default}; a text that is no reference begins with $\${.`
}
