import { AglError, describeValue } from '@agl/types'
import { z } from 'zod'
import { suggest } from './closest.ts'
import { flagName } from './flag-name.ts'
import { isSecret, redactText, scrub, secretsIn } from './redact.ts'
import { describeShape, type Problem } from './settle.ts'
import { fieldsOf, type Shape, shapeAt, valueAt } from './shape.ts'
import { type Source, sourceAt } from './source.ts'

/** What was checked. */
export interface Checked {
  readonly shape: Shape
  /** The settled value. */
  readonly input: unknown
  readonly source: Source
}

/** @throws AglError `invalid_argument` */
export function checkInput<Value>(schema: z.ZodType<Value>, checked: Checked): Value {
  const result = schema.safeParse(checked.input)
  if (result.success) return result.data
  throw configError(problemsOf(result.error.issues, checked), checked)
}

/** The error of a configuration: each problem with its place and where that was given. No secret is in it. */
export function configError(problems: readonly Problem[], { shape, input, source }: Checked): AglError {
  const lines = problems.map(({ path, message }) => {
    const given = sourceAt(source, path)
    const place = path.length === 0 ? '' : `${z.core.toDotPath(path)}, `
    return `✖ ${message}\n  → at ${place}in ${given.origin.label}`
  })
  const fromEnvironment = textsOfEnvironment(source)
  const message = scrub(`Invalid configuration:\n${lines.join('\n')}`, [...secretsIn(shape, input), ...fromEnvironment])
  return new AglError({ code: 'invalid_argument', message })
}

function textsOfEnvironment(source: Source): readonly string[] {
  switch (source.kind) {
    case 'object':
      return [...source.entries.values()].flatMap(textsOfEnvironment)
    case 'list':
      return source.items.flatMap(textsOfEnvironment)
    case 'text':
      return source.variable === null ? [] : source.texts
    case 'value':
      return []
    default:
      return source satisfies never
  }
}

/** zod's issues in words: what was expected, what came, what to do. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], checked: Checked): readonly Problem[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? unknownKeys(issue, checked) : [wrongValue(issue, checked)],
  )
}

function unknownKeys({ keys, path }: z.core.$ZodIssueUnrecognizedKeys, { shape, input }: Checked): readonly Problem[] {
  const owner = valueAt(input, path)
  const known = [...fieldsOf(shapeAt(shape, path, input), owner).keys()]
  return keys.map((key) => ({ path: [...path, key], message: `unknown key ${JSON.stringify(key)}${suggest(key, known)}` }))
}

function wrongValue({ path, message, code }: z.core.$ZodIssue, { shape, input, source }: Checked): Problem {
  const expected = shapeAt(shape, path, input)
  const value = valueAt(input, path)
  const isVague = code === 'invalid_union' || (code === 'invalid_type' && value === undefined)
  const words = isVague
    ? `expected ${describeShape(expected)}`
    : message.replace(/^Invalid input: /, '').replace(/, received .*$/, '')
  // A message that ends in a full stop has said all.
  if (words.endsWith('.')) return { path, message: words }
  const isFlag = canBeFlag(shape, path, input)
  return { path, message: `${words}; got ${cameAs(path, value, expected, source)}${whatToDo(path, value, expected, isFlag)}` }
}

function cameAs(path: readonly PropertyKey[], value: unknown, shape: Shape, source: Source): string {
  const given = sourceAt(source, path)
  const isHidden = path.some((key) => isSecret(key, shape, value)) || (given.kind === 'text' && given.variable !== null)
  if (isHidden && value !== undefined)
    return typeof value === 'string' ? `a text of ${value.length} characters` : 'a value that is not shown'
  return describeValue(typeof value === 'string' ? redactText(value) : value)
}

/** Fields have flags; what is in lists and under keys of any name has none. */
function canBeFlag(shape: Shape, path: readonly PropertyKey[], input: unknown): boolean {
  const owners = path.map((_, index) => path.slice(0, index))
  return owners.every((owner, index) => fieldsOf(shapeAt(shape, owner, input), valueAt(input, owner)).has(String(path[index])))
}

function whatToDo(path: readonly PropertyKey[], value: unknown, { types, fields }: Shape, hasFlag: boolean): string {
  const isFlag = hasFlag && fields.size === 0
  if (value === undefined) return isFlag ? `: give it in a file or as ${flagName(path)}` : ': give it in a file'
  const isQuoted = typeof value === 'string' && !types.has('string') && /^(true|false|-?\d+(\.\d+)?)$/.test(value)
  return isQuoted ? ': write it without quotes' : ''
}
