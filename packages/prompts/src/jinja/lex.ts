import { invalidAt } from '../template-error.ts'

export interface Token {
  readonly kind:
    | 'text'
    | 'begin output'
    | 'end output'
    | 'begin block'
    | 'end block'
    | 'name'
    | 'string'
    | 'integer'
    | 'float'
    | 'operator'
    | 'end'
  /** Of a string its value; otherwise as written. */
  readonly text: string
  readonly offset: number
}

const tagPattern = /\{([{%#])([-+]?)/g
const rawPattern = /\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})/y
const endRawPattern = /\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\})/g
const operators = [
  '//',
  '**',
  '==',
  '!=',
  '>=',
  '<=',
  '+',
  '-',
  '/',
  '*',
  '%',
  '~',
  '[',
  ']',
  '(',
  ')',
  '{',
  '}',
  '>',
  '<',
  '=',
  '.',
  ':',
  '|',
  ',',
]
const tokenPattern =
  /(?<space>\s+)|(?<float>(?<!\.)\d[\d_]*(?:\.\d[\d_]*(?:e[+-]?\d+)?|e[+-]?\d+))|(?<integer>0b[01_]+|0o[0-7_]+|0x[\da-f_]+|\d[\d_]*)|(?<name>[\p{L}_][\p{L}\p{M}\p{N}_]*)|(?<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/isuy

/** The tokens of a template, the last of kind `end`. Line ends are `\n`, and one at the very end is left out, as in Jinja. */
export function lex(source: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  const text = (from: number, to: number, isStripped: boolean): void => {
    const value = isStripped ? source.slice(from, to).trimEnd() : source.slice(from, to)
    if (value !== '') tokens.push({ kind: 'text', text: value, offset: from })
  }
  while (at < source.length) {
    tagPattern.lastIndex = at
    const tag = tagPattern.exec(source)
    if (tag === null) {
      text(at, source.length, false)
      break
    }
    const [opening, kind, control] = tag
    text(at, tag.index, control === '-')
    if (kind === '#') {
      at = endOfComment(source, tag.index)
      continue
    }
    rawPattern.lastIndex = tag.index
    if (rawPattern.test(source)) {
      endRawPattern.lastIndex = rawPattern.lastIndex
      const end = endRawPattern.exec(source)
      if (end === null) throw invalidAt('expected {% endraw %} after {% raw %}', source, tag.index)
      text(rawPattern.lastIndex, end.index, end[1] === '-')
      at = endRawPattern.lastIndex
      continue
    }
    const name = kind === '{' ? 'output' : 'block'
    tokens.push({ kind: `begin ${name}`, text: opening, offset: tag.index })
    at = lexTag(source, tag.index + opening.length, tag.index, name, tokens)
  }
  tokens.push({ kind: 'end', text: '', offset: source.length })
  return tokens
}

function endOfComment(source: string, start: number): number {
  const end = source.indexOf('#}', start + 2)
  if (end === -1) throw invalidAt('expected "#}" at the end of this comment', source, start)
  return source[end - 1] === '-' ? afterSpace(source, end + 2) : end + 2
}

function afterSpace(source: string, at: number): number {
  const space = /\s*/y
  space.lastIndex = at
  space.test(source)
  return space.lastIndex
}

const closings: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

/** Reads one `{{ … }}` or `{% … %}` after its opening; returns where it ends. */
function lexTag(source: string, from: number, start: number, name: 'output' | 'block', tokens: Token[]): number {
  const closing = name === 'output' ? '}}' : '%}'
  const awaited: string[] = []
  let at = from
  while (at < source.length) {
    if (awaited.length === 0) {
      const control = source[at] === '-' || (name === 'block' && source[at] === '+') ? 1 : 0
      if (source.startsWith(closing, at + control)) {
        tokens.push({ kind: `end ${name}`, text: closing, offset: at })
        const end = at + control + closing.length
        return source[at] === '-' ? afterSpace(source, end) : end
      }
    }
    tokenPattern.lastIndex = at
    const groups = tokenPattern.exec(source)?.groups
    if (groups !== undefined) {
      const end = tokenPattern.lastIndex
      const kind = (['name', 'integer', 'float', 'string'] as const).find((one) => groups[one] !== undefined)
      const raw = source.slice(at, end)
      if (kind !== undefined) tokens.push({ kind, text: kind === 'string' ? unescaped(raw.slice(1, -1)) : raw, offset: at })
      at = end
      continue
    }
    const operator = operators.find((one) => source.startsWith(one, at))
    if (operator === undefined) throw invalidAt(`expected an expression, got ${quote(source.slice(at, at + 12))}`, source, at)
    if (Object.hasOwn(closings, operator)) awaited.push(closings[operator]!)
    else if (')]}'.includes(operator) && awaited.pop() !== operator) {
      throw invalidAt(`expected no "${operator}" here`, source, at)
    }
    tokens.push({ kind: 'operator', text: operator, offset: at })
    at += operator.length
  }
  throw invalidAt(`expected "${closing}" at the end of this`, source, start)
}

function quote(text: string): string {
  return JSON.stringify(text.split('\n')[0])
}

const simpleEscapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\u0007',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '\n': '',
}

/** As Python reads a text between quotes; unknown escapes stay as they are. */
function unescaped(text: string): string {
  return text.replace(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|(.))/gs,
    (all: string, x?: string, u?: string, long?: string, octal?: string, other?: string) => {
      const hex = x ?? u ?? long
      if (hex !== undefined) return Number.parseInt(hex, 16) <= 0x10ffff ? String.fromCodePoint(Number.parseInt(hex, 16)) : all
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
      return simpleEscapes[other!] ?? all
    },
  )
}
