import { lex, type Token } from './lex.ts'
import { parseExpression, parseTarget, parseTuple, wrapInFilters } from './parse-expression.ts'
import { type Branch, capturedText, type Expression, type Statement } from './syntax.ts'
import { createTokens, type Tokens } from './tokens.ts'

/** Line ends are `\n`, and one at the very end is left out, as in Jinja. */
export function normalized(template: string): string {
  return template.replace(/\r\n?/g, '\n').replace(/\n$/, '')
}

/** The tree of a {@link normalized} template; throws `invalid_argument`, or `not_supported` for tags we do not have, with the place. */
export function parse(source: string): readonly Statement[] {
  return parseBody(createTokens(lex(source), source), []).body
}

interface Body {
  readonly body: readonly Statement[]
  /** The name of the tag that ended it, already taken. */
  readonly ending: string
}

/** Reads until the name of one of these tags, or with none of them to the end of the template. */
function parseBody(tokens: Tokens, endings: readonly string[]): Body {
  const body: Statement[] = []
  while (true) {
    const token = tokens.advance()
    switch (token.kind) {
      case 'end':
        if (endings.length === 0) return { body, ending: '' }
        throw tokens.fail(`expected {% ${endings.join(' %} or {% ')} %} before the end of the template`, token)
      case 'text':
        body.push({ kind: 'text', text: token.text })
        break
      case 'begin output':
        body.push({ kind: 'output', value: parseTuple(tokens) })
        tokens.expectKind('end output', '"}}"')
        break
      default: {
        const name = tokens.expectKind('name', 'the name of a tag')
        if (endings.includes(name.text)) return { body, ending: name.text }
        tokens.enter()
        body.push(parseTag(tokens, name))
        tokens.depth--
      }
    }
  }
}

/** Tags of Jinja that reach beyond one template, or that no prompt was seen to need. */
const unsupported: ReadonlySet<string> = new Set(
  'include import from extends block macro call filter with autoescape do trans break continue debug'.split(' '),
)

function parseTag(tokens: Tokens, name: Token): Statement {
  switch (name.text) {
    case 'if':
      return parseIf(tokens)
    case 'for':
      return parseFor(tokens)
    case 'set':
      return parseSet(tokens)
    default:
      if (unsupported.has(name.text)) throw tokens.notSupported(`{% ${name.text} %}`, name)
      throw tokens.fail(`expected a tag such as if, for or set, got "${name.text}"`, name)
  }
}

function closeTag(tokens: Tokens): void {
  tokens.expectKind('end block', '"%}"')
}

function parseIf(tokens: Tokens): Statement {
  const branches: Branch[] = []
  let ending = 'elif'
  while (ending === 'elif') {
    const test = parseTuple(tokens, { withCondition: false })
    closeTag(tokens)
    const part = parseBody(tokens, ['elif', 'else', 'endif'])
    branches.push({ test, body: part.body })
    ending = part.ending
  }
  const otherwise = ending === 'else' ? parseElse(tokens, 'endif') : []
  closeTag(tokens)
  return { kind: 'if', branches, otherwise }
}

function parseElse(tokens: Tokens, ending: string): readonly Statement[] {
  closeTag(tokens)
  return parseBody(tokens, [ending]).body
}

function parseFor(tokens: Tokens): Statement {
  const target = parseTarget(tokens)
  tokens.expect('in')
  const iterable = parseTuple(tokens, { withCondition: false })
  const test = tokens.take('if') ? parseExpression(tokens) : null
  if (tokens.is('recursive')) throw tokens.notSupported('"recursive"', tokens.current)
  closeTag(tokens)
  const { body, ending } = parseBody(tokens, ['else', 'endfor'])
  const otherwise = ending === 'else' ? parseElse(tokens, 'endfor') : []
  closeTag(tokens)
  return { kind: 'for', target, iterable, test, body, otherwise }
}

function parseSet(tokens: Tokens): Statement {
  const { offset } = tokens.current
  const target = parseTarget(tokens)
  if (tokens.take('=')) {
    const value = parseTuple(tokens)
    closeTag(tokens)
    return { kind: 'set', target, value, offset }
  }
  const captured: Expression = { kind: 'name', name: capturedText, offset }
  const value = tokens.is('|') ? wrapInFilters(tokens, captured) : captured
  closeTag(tokens)
  const { body } = parseBody(tokens, ['endset'])
  closeTag(tokens)
  return { kind: 'capture', target, value, body, offset }
}
