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
