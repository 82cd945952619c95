import { isAbsolute, resolve } from 'node:path'
import { jsonOffender, type JsonValue } from '@agl/types'
import { hasProto } from './has-proto.ts'
import { resolveModulePath } from './module-path.ts'
import { isSecret, redactText } from './redact.ts'
import { type Shape, shapeUnder, type ValueType } from './shape.ts'
import { asObject, type Origin, type Source, textOf } from './source.ts'

/** Something that cannot be what the schema expects. */
export interface Problem {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/**
 * The plain value of a source: texts become what the schema expects at their place, relative paths and module paths are meant from
 * where they were written.
 */
export function settle(
  source: Source,
  shape: Shape,
  report: (problem: Problem) => void,
  path: readonly PropertyKey[] = [],
): JsonValue {
  const given = asObject(source, shape)
  switch (given.kind) {
    case 'object': {
      const owner = { type: textOf(given.entries.get('type')) }
      const entries = [...given.entries].map(([key, item]): [string, JsonValue] => {
        const value = settle(item, shapeUnder(shape, key, owner), report, [...path, key])
        const isModule = shape.component !== null && key === 'type' && typeof value === 'string'
        return [key, isModule ? resolveModulePath(value, item.origin.folder) : value]
      })
      return Object.fromEntries(entries)
    }
    case 'list':
      return given.items.map((item, index) => settle(item, shapeUnder(shape, index, []), report, [...path, index]))
    case 'value':
      return located(given.value, shape, given.origin)
    case 'text': {
      const outcome = valueOfText(given.texts, shape, given.variable === null)
      if ('value' in outcome) return located(outcome.value, shape, given.origin)
      const from = given.variable === null ? '' : ` from \${${given.variable}}`
      const isHidden = given.variable !== null || mayHoldObject(shape) || path.some((key) => isSecret(key, shape, null))
      const came = given.texts.map((text) =>
        isHidden ? `a text of ${text.length} characters` : JSON.stringify(redactText(text)),
      )
      report({ path, message: `expected ${outcome.expected}; got ${came.join(', ')}${from}` })
      return null
    }
    default:
      return given satisfies never
  }
}

/** There may be secrets in what was to be an object and cannot be read as one. */
function mayHoldObject({ types, items }: Shape): boolean {
  return types.has('object') || types.has('any') || (items !== null && mayHoldObject(items))
}

function located(value: JsonValue, shape: Shape, { folder }: Origin): JsonValue {
  if (Array.isArray(value))
    return value.map((item: JsonValue, index) => located(item, shapeUnder(shape, index, []), { label: '', folder }))
  if (shape.module === true && typeof value === 'string') return resolveModulePath(value, folder)
  const isRelative =
    shape.path === true && typeof value === 'string' && value !== '' && !value.startsWith(':') && !isAbsolute(value)
  return isRelative ? resolve(folder, value) : value
}

type Outcome = { readonly value: JsonValue } | { readonly expected: string }

/**
 * Strict: a number is written as JSON writes it, a boolean is `true` or `false`. Where a text is expected as well as null, `none` and
 * `null` are null on the command line, which has no other way to say it, and a text from the environment.
 */
function valueOfText(texts: readonly string[], shape: Shape, isFlag: boolean): Outcome {
  const { types } = shape
  const [text] = texts as readonly [string]
  const isText = types.has('string')
  if (types.has('null') && /^(none|null)$/i.test(text) && texts.length === 1 && (isFlag || !isText)) return { value: null }
  if (types.has('array') && isFlag) return listOfTexts(texts, shape)
  if (texts.length > 1) return { expected: `${describeShape(shape)}, given once` }
  if ((types.has('number') || types.has('integer')) && number.test(text)) {
    const value = Number(text)
    if (Number.isFinite(value) && (types.has('number') || Number.isSafeInteger(value))) return { value }
  }
  if (types.has('boolean') && (text === 'true' || text === 'false')) return { value: text === 'true' }
  if (types.has('object') || types.has('array')) {
    const value = parsedJson(text)
    if (typeof value === 'object' && value !== null) return { value }
  }
  if (isText) return { value: text }
  // What nothing is known about is JSON if it can be, and otherwise what was typed.
  if (types.has('any')) return { value: isFlag ? (parsedJson(text) ?? (text === 'null' ? null : text)) : text }
  return { expected: describeShape(shape) }
}

const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

function listOfTexts(texts: readonly string[], shape: Shape): Outcome {
  if (texts.length === 1 && texts[0] === '[]') return { value: [] }
  const outcomes = texts.map((text) => valueOfText([text], shapeUnder(shape, 0, []), true))
  const wrong = outcomes.find((outcome) => 'expected' in outcome)
  return wrong ?? { value: outcomes.map((outcome) => (outcome as { readonly value: JsonValue }).value) }
}

function parsedJson(text: string): JsonValue | undefined {
  try {
    const value = JSON.parse(text) as JsonValue
    return jsonOffender(value) === null && !hasProto(value) ? value : undefined
  } catch {
    return undefined
  }
}

const words: Readonly<Record<ValueType, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  null: 'none',
  object: 'an object in JSON',
  array: 'a list',
  any: 'a value',
}

/** What is expected, in words. */
export function describeShape({ types, choices }: Shape): string {
  if (choices === null) return [...types].map((type) => words[type]).join(' or ')
  return `one of ${choices.join(', ')}${types.has('null') ? ' or none' : ''}`
}
