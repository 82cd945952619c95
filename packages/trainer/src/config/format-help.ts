import type { Flag } from './flags.ts'
import { redactBy } from './redact.ts'
import { describeShape } from './settle.ts'

const column = 34

/** Two columns: the flag with what it takes, and what it is for. */
export function formatHelp(flags: readonly Flag[]): string {
  const lines = flags.map((flag) => line(takes(flag), [...descriptionOf(flag)].join(' ')))
  const common = [
    line('--config <file>', 'a file of JSON or YAML; given again, later ones are laid over earlier ones'),
    line('--help', 'these lines'),
  ]
  return `${[...lines, ...common].join('\n')}\n`
}

function line(left: string, right: string): string {
  const start = `  ${left}`
  const gap = start.length < column ? ' '.repeat(column - start.length) : `\n${' '.repeat(column)}`
  return (start + gap + right).trimEnd()
}

function takes({ name, isSwitch, shape }: Flag): string {
  if (isSwitch) return `${name}, ${name.replace('--', '--no-')}`
  if (shape.component !== null) return `${name} <type>`
  if (shape.types.has('array')) return `${name} <${shape.items?.types.has('object') === true ? 'json' : 'value'}>`
  const { types } = shape
  if (types.has('integer') || types.has('number')) return `${name} <number>`
  return `${name} <${types.has('string') ? 'text' : 'json'}>`
}

function* descriptionOf({ shape, types }: Flag): Iterable<string> {
  if (shape.description !== undefined) yield shape.description
  if (shape.component !== null) yield `which ${shape.component}: ${[...shape.variants.keys()].join(', ')} or ./file.ts#export`
  else if (shape.choices !== null && shape.choices.length > 1) yield describeShape(shape)
  if (types.length > 0) yield `(${types.join(', ')})`
  if (shape.types.has('array')) yield '(may be given again)'
  if (shape.types.has('null')) yield '(or none)'
  if (shape.default !== undefined && shape.secret !== true) yield `(default: ${JSON.stringify(redactBy(shape, shape.default))})`
}
