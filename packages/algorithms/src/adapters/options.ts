import { z } from 'zod'
import type { NameTest } from './find-calls.ts'
import type { OnFinding } from './findings.ts'

/** A regular expression, or its source; it is searched, not anchored. */
export const patternSchema: z.ZodType<RegExp | string> = z.union([
  z.instanceof(RegExp),
  z.string().refine(isPattern, { error: 'expected the source of a regular expression' }),
])

export const onFindingSchema: z.ZodType<OnFinding> = z.custom<OnFinding>((value) => typeof value === 'function')

export function toNameTest(pattern: RegExp | string | null): NameTest {
  if (pattern === null) return null
  // A global or sticky expression remembers where it stopped, so the same name would match only sometimes.
  const expression = typeof pattern === 'string' ? new RegExp(pattern) : new RegExp(pattern, pattern.flags.replace(/[gy]/g, ''))
  return (name) => expression.test(name)
}

function isPattern(source: string): boolean {
  try {
    return new RegExp(source) instanceof RegExp
  } catch {
    return false
  }
}
