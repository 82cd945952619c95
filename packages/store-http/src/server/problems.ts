import { AglError } from '@agl/types'
import type { z } from 'zod'

/** One entry of what FastAPI answers to a request that does not fit. */
interface Problem {
  readonly type: string
  readonly loc: readonly (string | number)[]
  readonly msg: string
  readonly input: unknown
}

const types: Readonly<Record<string, string>> = {
  invalid_type: 'type_error',
  invalid_value: 'literal_error',
  too_small: 'greater_than_equal',
  too_big: 'less_than_equal',
  unrecognized_keys: 'extra_forbidden',
}

const longestInput = 200
/** A request may be wrong in as many places as it has. */
const mostProblems = 100

/** An input that may be large is told by its beginning. */
function shown(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, longestInput)
  return typeof value === 'object' && value !== null ? undefined : value
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (present, key) =>
      typeof present === 'object' && present !== null ? (present as Readonly<Record<PropertyKey, unknown>>)[key] : undefined,
    value,
  )
}

function toProblem(issue: z.core.$ZodIssue, value: unknown, place: 'body' | 'query'): Problem {
  const input = valueAt(value, issue.path)
  const isMissing = input === undefined && issue.path.length > 0
  return {
    type: isMissing ? 'missing' : (types[issue.code] ?? 'value_error'),
    loc: [place, ...issue.path.map((key) => (typeof key === 'number' ? key : String(key).slice(0, longestInput)))],
    msg: isMissing ? 'Field required' : issue.message,
    input: shown(input) ?? null,
  }
}

/** A request whose shape does not fit: 422, as FastAPI answers. */
export function misfit(issues: readonly z.core.$ZodIssue[], value: unknown, place: 'body' | 'query'): AglError {
  return unprocessable(issues.slice(0, mostProblems).map((issue) => toProblem(issue, value, place)))
}

export function unprocessable(problems: readonly Problem[]): AglError {
  const words = problems.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ')
  return new AglError({
    code: 'invalid_argument',
    message: `Invalid request: ${words}`,
    data: { status: 422, detail: problems },
  })
}

/** No body, or none that can be read. */
export function bodyProblem(type: string, msg: string, offset?: number): AglError {
  return unprocessable([{ type, loc: offset === undefined ? ['body'] : ['body', offset], msg, input: null }])
}

/** A null where the reference forbids one: 400. */
export function nullProblem(field: string): AglError {
  return badRequest(`${field} is invalid; it cannot be a null value.`)
}

export function badRequest(message: string): AglError {
  return new AglError({ code: 'invalid_argument', message, data: { status: 400 } })
}
