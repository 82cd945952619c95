import type { Flag } from './flags.ts'
import { redactBy } from './redact.ts'
import { describeShape } from './settle.ts'
import type { Shape } from './shape.ts'

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
  if (types.has('string')) return `${name} <text>`
  return `${name} <${types.has('integer') || types.has('number') ? 'number' : 'json'}>`
}

function* descriptionOf({ shape, uses }: Flag): Iterable<string> {
  // Types of component that mean something else by it, or have another default, are told one by one.
  const [first] = uses
  const isSame = uses.every((use) => use.description === first?.description && use.default === first?.default)
  if (isSame) {
    yield* described(shape)
    if (uses.length > 0) yield `(${uses.map(({ type }) => type).join(', ')})`
  } else yield uses.map(({ type, ...use }) => `${type}: ${[...described({ ...shape, ...use })].join(' ')}`).join('; ')
  if (shape.component !== null) yield `which ${shape.component}: ${[...shape.variants.keys()].join(', ')} or ./file.ts#export`
  else if (shape.choices !== null) yield `(${describeShape(shape)})`
  else if (shape.types.has('null')) yield '(or none)'
  if (shape.types.has('array')) yield '(may be given again)'
}

function* described(shape: Shape): Iterable<string> {
  if (shape.description !== undefined) yield shape.description
  if (shape.default !== undefined && shape.secret !== true) yield `(default: ${JSON.stringify(redactBy(shape, shape.default))})`
}
