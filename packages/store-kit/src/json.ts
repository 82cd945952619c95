import { AglError, jsonOffender } from '@agl/types'

/**
 * Checks that a value can be written as JSON and read back the same: no undefined, functions, class instances, NaN or
 * cycles.
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
