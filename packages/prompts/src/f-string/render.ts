import type { Meter } from '../meter.ts'
import { formatValue } from '../python/format-value.ts'
import { ascii, repr, str } from '../python/text.ts'
import { codePoints, entriesOf, entryOf, itemsOf, missing, typeOf } from '../python/values.ts'
import { invalid, withPlace } from '../template-error.ts'
import { type Field, type Node, parse } from './parse.ts'

/** What Python's `template.format(**values)` returns. */
export function renderFString(template: string, values: Readonly<Record<string, unknown>>, meter: Meter): string {
  return renderNodes(parse(template), template, values, meter)
}

function renderNodes(nodes: readonly Node[], template: string, values: Readonly<Record<string, unknown>>, meter: Meter): string {
  return nodes
    .map((node) => {
      const text = node.kind === 'text' ? node.text : renderField(node, template, values, meter)
      meter.characters(text.length)
      return text
    })
    .join('')
}

function renderField(field: Field, template: string, values: Readonly<Record<string, unknown>>, meter: Meter): string {
  try {
    meter.step()
    const value = converted(field, valueOf(field, values, meter), meter)
    return formatValue(value, renderNodes(field.spec, template, values, meter), meter)
  } catch (error) {
    throw withPlace(error, template, field.offset)
  }
}

function converted({ conversion }: Field, value: unknown, meter: Meter): unknown {
  switch (conversion) {
    case null:
      return value
    case 's':
      return str(value, meter)
    case 'r':
      return repr(value, meter)
    case 'a':
      return ascii(value, meter)
    default:
      return conversion satisfies never
  }
}

/** The value that a field names; own entries only, so nothing of JavaScript can be reached. */
function valueOf({ name, steps }: Field, values: Readonly<Record<string, unknown>>, meter: Meter): unknown {
  let value = entryOf(values, name)
  if (value === missing) throw noValue(name, Object.keys(values))
  let path = name
  for (const { kind, key } of steps) {
    if (typeof value === 'string') meter.characters(value.length)
    const next = stepInto(value, key)
    if (next === missing) throw invalid(`expected "${key}" in "${path}", which ${contentsOf(value)}`)
    value = next
    path += kind === 'item' ? `[${key}]` : `.${key}`
  }
  return value
}

function stepInto(value: unknown, key: string): unknown {
  const items = typeof value === 'string' ? codePoints(value) : itemsOf(value)
  if (items === null) return entryOf(value, key)
  return /^\d+$/.test(key) && Number(key) < items.length ? items[Number(key)] : missing
}

function contentsOf(value: unknown): string {
  const entries = entriesOf(value)
  if (entries !== null) return `has ${entries.map(([key]) => String(key)).join(', ') || 'nothing'}`
  const type = typeOf(value)
  return type === 'list' || type === 'tuple' || type === 'str'
    ? 'is shorter, or wants a whole number'
    : `is ${type === 'NoneType' ? 'None' : `of type ${type}`}`
}

export function noValue(name: string, there: readonly string[]): Error {
  const isName = /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)
  const hint = isName ? 'give it a value' : 'braces that are meant as such, as in JSON, are written {{ and }}'
  return invalid(`expected a value for the placeholder "${name}", got ${there.join(', ') || 'no values'}; ${hint}`)
}
