import { invalidAt } from '../template-error.ts'

/** A step into a value: `.key` or `[key]`. */
export interface Step {
  readonly kind: 'attribute' | 'item'
  readonly key: string
}

export interface Field {
  readonly kind: 'field'
  readonly name: string
  readonly steps: readonly Step[]
  readonly conversion: 'r' | 's' | 'a' | null
  readonly spec: readonly Node[]
  readonly offset: number
}

export interface Text {
  readonly kind: 'text'
  readonly text: string
}

export type Node = Text | Field

const doubling = 'braces that are meant as such are written {{ and }}'

/** The parts of a template for Python's `str.format`; throws `invalid_argument` with the place of what is wrong. */
export function parse(template: string): readonly Node[] {
  return parseWithin(template, template, 0, 2)
}

/** `levels` is how deep fields may stand in the specifiers of others: `{x:{width}}` and no deeper, as in Python. */
function parseWithin(text: string, template: string, base: number, levels: number): readonly Node[] {
  if (levels === 0)
    throw invalidAt('expected no fields within the format specifier of a field within a format specifier', template, base)
  const nodes: Node[] = []
  let at = 0
  let literal = ''
  while (at < text.length) {
    const brace = /[{}]/g
    brace.lastIndex = at
    const found = brace.exec(text)
    literal += text.slice(at, found?.index ?? text.length)
    if (found === null) break
    const start = found.index
    if (text[start + 1] === found[0]) {
      literal += found[0]
      at = start + 2
      continue
    }
    if (found[0] === '}') throw invalidAt(`expected "{" before "}"; ${doubling}`, template, base + start)
    if (literal !== '') nodes.push({ kind: 'text', text: literal })
    literal = ''
    const { field, end } = parseField(text, template, base, start, levels)
    nodes.push(field)
    at = end
  }
  if (literal !== '') nodes.push({ kind: 'text', text: literal })
  return nodes
}

function parseField(text: string, template: string, base: number, start: number, levels: number): { field: Field; end: number } {
  const fail = (problem: string, at: number): Error => invalidAt(problem, template, base + at)
  const unclosed = (): Error => fail(`expected "}" after this "{"; ${doubling}`, start)
  const nameEnd = endOfName(text, start, fail) ?? -1
  if (nameEnd === -1) throw unclosed()
  const { name, steps } = parseName(text.slice(start + 1, nameEnd), (problem) => fail(problem, start))
  let at = nameEnd
  let conversion: Field['conversion'] = null
  if (text[at] === '!') {
    const letter = text[at + 1]
    if (letter !== 'r' && letter !== 's' && letter !== 'a') {
      throw fail(`expected !r, !s or !a, got "!${letter ?? ''}"; ${doubling}`, at)
    }
    conversion = letter
    at += 2
    if (text[at] === undefined) throw unclosed()
    if (text[at] !== '}' && text[at] !== ':') throw fail(`expected ":" or "}" after "!${letter}"`, at)
  }
  if (text[at] === '}') return { field: { kind: 'field', name, steps, conversion, spec: [], offset: base + start }, end: at + 1 }
  const specEnd = endOfSpec(text, at + 1)
  if (specEnd === -1) throw unclosed()
  const spec = text.slice(at + 1, specEnd)
  const nodes: readonly Node[] = spec.includes('{')
    ? parseWithin(spec, template, base + at + 1, levels - 1)
    : spec === ''
      ? []
      : [{ kind: 'text', text: spec }]
  return { field: { kind: 'field', name, steps, conversion, spec: nodes, offset: base + start }, end: specEnd + 1 }
}

/** Where the name of the field that starts here ends: at `}`, `!` or `:` outside of `[…]`. */
function endOfName(text: string, start: number, fail: (problem: string, at: number) => Error): number | null {
  let isInBrackets = false
  for (let at = start + 1; at < text.length; at++) {
    const character = text[at]!
    if (character === '{') throw fail(`expected the name of a placeholder, got "{"; ${doubling}`, at)
    if (character === '[') isInBrackets = true
    else if (character === ']') isInBrackets = false
    else if (!isInBrackets && (character === '}' || character === '!' || character === ':')) return at
  }
  return null
}

function endOfSpec(text: string, start: number): number {
  let depth = 1
  for (let at = start; at < text.length; at++) {
    if (text[at] === '{') depth++
    else if (text[at] === '}' && --depth === 0) return at
  }
  return -1
}

const namePattern = /^([^.[]*)(.*)$/s
const stepPattern = /\.([^.[]*)|\[([^\]]*)(\]?)|./gsy

function parseName(source: string, fail: (problem: string) => Error): { readonly name: string; readonly steps: readonly Step[] } {
  const [, name = '', path = ''] = namePattern.exec(source)!
  // Python takes quotes and line ends for part of a name, and finds no value for it: JSON, told from a placeholder before there are values.
  if (/^\s*$|^\d+$|["'\n]/.test(name)) {
    throw fail(`expected the name of a placeholder, got "${shortened(source)}"; values are given by name only, and ${doubling}`)
  }
  const steps = [...path.matchAll(stepPattern)].map(([text, attribute, item, bracket]): Step => {
    if (attribute === undefined && item === undefined) throw fail(`expected "." or "[" in "{${source}}", got "${text}"`)
    if (item !== undefined && bracket === '') throw fail(`expected "]" in "{${source}}"`)
    const key = attribute ?? item!
    if (key === '') throw fail(`expected a name after "${text[0]}" in "{${source}}"`)
    return { kind: attribute === undefined ? 'item' : 'attribute', key }
  })
  return { name, steps }
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
