import { float } from '../python/values.ts'
import { filters } from './filters.ts'
import type { CallSyntax, Comparison, Expression, Target } from './syntax.ts'
import { tests } from './tests.ts'
import type { Tokens } from './tokens.ts'

/** One expression, with `… if … else …`. Levels of precedence are those of Jinja's own parser, which are not quite Python's. */
export function parseExpression(tokens: Tokens): Expression {
  const { depth } = tokens
  tokens.enter()
  let value = parseOr(tokens)
  while (tokens.is('if')) {
    tokens.enter()
    const { offset } = tokens.advance()
    const test = parseOr(tokens)
    value = { kind: 'condition', test, yes: value, no: tokens.take('else') ? parseExpression(tokens) : null, offset }
  }
  tokens.depth = depth
  return value
}

/** An expression, or several between commas as a tuple. */
export function parseTuple(tokens: Tokens, { withCondition = true }: { readonly withCondition?: boolean } = {}): Expression {
  const parseOne = withCondition ? parseExpression : parseOr
  const { offset } = tokens.current
  const first = parseOne(tokens)
  if (!tokens.is(',')) return first
  const items = [first]
  while (tokens.take(',')) {
    const { kind } = tokens.current
    if (kind === 'end output' || kind === 'end block' || tokens.is(')')) break
    items.push(parseOne(tokens))
  }
  return { kind: 'tuple', items, offset }
}

const reserved: ReadonlySet<string> = new Set('true false none True False None not and or if else in is'.split(' '))

/** What `for` and `set` write to: a name, several, or an attribute of a namespace. */
export function parseTarget(tokens: Tokens): Target {
  const items = [parseTargetItem(tokens)]
  let isTuple = false
  while (tokens.take(',')) {
    isTuple = true
    if (tokens.is('in', '=')) break
    items.push(parseTargetItem(tokens))
  }
  return isTuple ? { kind: 'tuple', items } : items[0]!
}

function parseTargetItem(tokens: Tokens): Target {
  if (tokens.take('(')) {
    tokens.enter()
    const target = parseTarget(tokens)
    tokens.depth--
    tokens.expect(')')
    return target
  }
  const name = tokens.expectKind('name', 'a name to assign to')
  if (reserved.has(name.text)) throw tokens.fail(`expected a name to assign to, got "${name.text}"`, name)
  if (!tokens.take('.')) return { kind: 'name', name: name.text }
  return { kind: 'attribute', object: name.text, name: tokens.expectKind('name', 'a name after "."').text }
}

/** A level of binary operators that group to the left. Each adds to the depth of the tree. */
function leftward(
  tokens: Tokens,
  operators: readonly string[],
  parseOperand: (tokens: Tokens) => Expression,
  build: (operator: string, left: Expression, right: Expression, offset: number) => Expression,
): Expression {
  const { depth } = tokens
  let left = parseOperand(tokens)
  while (tokens.is(...operators)) {
    tokens.enter()
    const { text, offset } = tokens.advance()
    left = build(text, left, parseOperand(tokens), offset)
  }
  tokens.depth = depth
  return left
}

function logic(operator: string, left: Expression, right: Expression, offset: number): Expression {
  return { kind: 'logic', operator: operator === 'and' ? 'and' : 'or', left, right, offset }
}

function arithmetic(operator: string, left: Expression, right: Expression, offset: number): Expression {
  return { kind: 'arithmetic', operator, left, right, offset }
}

function parseOr(tokens: Tokens): Expression {
  return leftward(tokens, ['or'], parseAnd, logic)
}

function parseAnd(tokens: Tokens): Expression {
  return leftward(tokens, ['and'], parseNot, logic)
}

function parseNot(tokens: Tokens): Expression {
  if (!tokens.is('not')) return parseCompare(tokens)
  const { offset } = tokens.advance()
  tokens.enter()
  const operand = parseNot(tokens)
  tokens.depth--
  return { kind: 'unary', operator: 'not', operand, offset }
}

function parseCompare(tokens: Tokens): Expression {
  const { offset } = tokens.current
  const first = parseSum(tokens)
  const rest: Comparison[] = []
  while (true) {
    if (tokens.is('==', '!=', '<', '<=', '>', '>=', 'in')) {
      rest.push({ operator: tokens.advance().text, operand: parseSum(tokens) })
    } else if (tokens.is('not') && tokens.next.kind === 'name' && tokens.next.text === 'in') {
      tokens.advance()
      tokens.advance()
      rest.push({ operator: 'not in', operand: parseSum(tokens) })
    } else {
      return rest.length === 0 ? first : { kind: 'compare', first, rest, offset }
    }
  }
}

function parseSum(tokens: Tokens): Expression {
  return leftward(tokens, ['+', '-'], parseConcatenation, arithmetic)
}

function parseConcatenation(tokens: Tokens): Expression {
  const { offset } = tokens.current
  const items = [parseProduct(tokens)]
  while (tokens.take('~')) items.push(parseProduct(tokens))
  return items.length === 1 ? items[0]! : { kind: 'concat', items, offset }
}

function parseProduct(tokens: Tokens): Expression {
  return leftward(tokens, ['*', '/', '//', '%'], parsePower, arithmetic)
}

function parsePower(tokens: Tokens): Expression {
  return leftward(tokens, ['**'], (inner) => parseUnary(inner, true), arithmetic)
}

/** `-x|abs` is `(-x)|abs`. */
function parseUnary(tokens: Tokens, withFilters: boolean): Expression {
  const { depth } = tokens
  tokens.enter()
  let value: Expression
  if (tokens.is('-', '+')) {
    const { text, offset } = tokens.advance()
    value = { kind: 'unary', operator: text === '-' ? '-' : '+', operand: parseUnary(tokens, false), offset }
  } else {
    value = parsePrimary(tokens)
  }
  value = parsePostfix(tokens, value)
  if (withFilters) value = wrapInFilters(tokens, value)
  tokens.depth = depth
  return value
}

const constants: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
])

function parsePrimary(tokens: Tokens): Expression {
  const token = tokens.advance()
  const { offset, text } = token
  switch (token.kind) {
    case 'name':
      if (constants.has(text)) return { kind: 'constant', value: constants.get(text), offset }
      if (reserved.has(text)) throw tokens.fail(`expected a value, got "${text}"`, token)
      return { kind: 'name', name: text, offset }
    case 'string': {
      let value = text
      while (tokens.current.kind === 'string') value += tokens.advance().text
      return { kind: 'constant', value, offset }
    }
    case 'integer': {
      const value = Number(text.replaceAll('_', ''))
      if (!Number.isSafeInteger(value) || /^0_?[1-9]/.test(text))
        throw tokens.fail(`expected a whole number below 2 ** 53, got ${text}`, token)
      return { kind: 'constant', value, offset }
    }
    case 'float':
      return { kind: 'constant', value: float(Number(text.replaceAll('_', ''))), offset }
    case 'operator':
      if (text === '(') return parseParentheses(tokens, offset)
      if (text === '[') return { kind: 'list', items: parseItems(tokens, ']', parseExpression), offset }
      if (text === '{') return { kind: 'dict', entries: parseItems(tokens, '}', parseEntry), offset }
      throw tokens.fail(`expected a value, got "${text}"`, token)
    default:
      throw tokens.fail(`expected a value, got ${text === '' ? 'the end of the template' : `"${text}"`}`, token)
  }
}

function parseParentheses(tokens: Tokens, offset: number): Expression {
  if (tokens.take(')')) return { kind: 'tuple', items: [], offset }
  const value = parseTuple(tokens)
  tokens.expect(')')
  return value
}

function parseEntry(tokens: Tokens): readonly [Expression, Expression] {
  const key = parseExpression(tokens)
  tokens.expect(':')
  return [key, parseExpression(tokens)]
}

function parseItems<Item>(tokens: Tokens, closing: string, parseItem: (tokens: Tokens) => Item): readonly Item[] {
  const items: Item[] = []
  while (!tokens.take(closing)) {
    if (items.length > 0) {
      tokens.expect(',')
      if (tokens.take(closing)) break
    }
    items.push(parseItem(tokens))
  }
  return items
}

function parsePostfix(tokens: Tokens, start: Expression): Expression {
  let value = start
  while (tokens.is('.', '[', '(')) {
    tokens.enter()
    value = parseStep(tokens, value)
  }
  return value
}

function parseStep(tokens: Tokens, object: Expression): Expression {
  const { offset } = tokens.current
  if (tokens.is('(')) return { kind: 'call', callee: object, call: parseCall(tokens), offset }
  if (tokens.take('.')) {
    const token = tokens.advance()
    if (token.kind === 'name') return { kind: 'attribute', object, name: token.text, offset: token.offset }
    if (token.kind !== 'integer') throw tokens.fail('expected a name or a number after "."', token)
    return { kind: 'item', object, key: { kind: 'constant', value: Number(token.text), offset: token.offset }, offset }
  }
  tokens.expect('[')
  const step = parseSubscript(tokens, object, offset)
  tokens.expect(']')
  return step
}

function parseSubscript(tokens: Tokens, object: Expression, offset: number): Expression {
  const bounds: (Expression | null)[] = [tokens.is(':') ? null : parseExpression(tokens)]
  while (bounds.length < 3 && tokens.take(':')) bounds.push(tokens.is(':', ']') ? null : parseExpression(tokens))
  return bounds.length === 1 ? { kind: 'item', object, key: bounds[0]!, offset } : { kind: 'slice', object, bounds, offset }
}

const noArguments: CallSyntax = { positional: [], named: [] }

function parseCall(tokens: Tokens): CallSyntax {
  tokens.expect('(')
  const positional: Expression[] = []
  const named: (readonly [string, Expression])[] = []
  parseItems(tokens, ')', () => {
    if (tokens.is('*', '**')) throw tokens.notSupported(`"${tokens.current.text}" before an argument`, tokens.current)
    if (tokens.current.kind === 'name' && tokens.next.kind === 'operator' && tokens.next.text === '=') {
      const name = tokens.advance().text
      tokens.advance()
      named.push([name, parseExpression(tokens)])
    } else {
      if (named.length > 0) throw tokens.fail('expected arguments without a name before those with one')
      positional.push(parseExpression(tokens))
    }
  })
  return { positional, named }
}

/** `| filter` and `is test`, as many as there are. */
export function wrapInFilters(tokens: Tokens, start: Expression): Expression {
  let value = start
  const { depth } = tokens
  while (tokens.is('|', 'is', '(')) {
    tokens.enter()
    const { offset } = tokens.current
    if (tokens.is('(')) value = { kind: 'call', callee: value, call: parseCall(tokens), offset }
    else value = tokens.take('|') ? parseFilter(tokens, value) : parseTest(tokens, value)
  }
  tokens.depth = depth
  return value
}

function parseFilter(tokens: Tokens, value: Expression): Expression {
  const name = tokens.expectKind('name', 'the name of a filter')
  if (!filters.has(name.text))
    throw tokens.fail(`expected one of the filters ${[...filters.keys()].join(', ')}; got "${name.text}"`, name)
  return { kind: 'filter', value, name: name.text, call: tokens.is('(') ? parseCall(tokens) : noArguments, offset: name.offset }
}

function parseTest(tokens: Tokens, value: Expression): Expression {
  tokens.expect('is')
  const isNegated = tokens.take('not')
  const name = tokens.expectKind('name', 'the name of a test')
  if (!tests.has(name.text))
    throw tokens.fail(`expected one of the tests ${[...tests.keys()].join(', ')}; got "${name.text}"`, name)
  const test: Expression = { kind: 'test', value, name: name.text, call: parseTestArguments(tokens), offset: name.offset }
  return isNegated ? { kind: 'unary', operator: 'not', operand: test, offset: name.offset } : test
}

/** `is divisibleby 3` has its argument without parentheses. */
function parseTestArguments(tokens: Tokens): CallSyntax {
  if (tokens.is('(')) return parseCall(tokens)
  const { kind } = tokens.current
  const begins = kind === 'string' || kind === 'integer' || kind === 'float' || kind === 'name' || tokens.is('[', '{')
  if (!begins || tokens.is('else', 'or', 'and')) return noArguments
  // Jinja takes any other word for an argument.
  if (tokens.is('is', 'if', 'in', 'not')) throw tokens.fail(`expected parentheses around a test before "${tokens.current.text}"`)
  return { positional: [parsePostfix(tokens, parsePrimary(tokens))], named: [] }
}
