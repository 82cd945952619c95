import { AglError } from '@agl/types'
import { renderLimits } from '../meter.ts'
import { invalidAt, positionOf } from '../template-error.ts'
import type { Token } from './lex.ts'

/** A cursor over tokens. */
export interface Tokens {
  readonly current: Token
  readonly next: Token
  /** Whether the present token is this operator or name. */
  is(...texts: readonly string[]): boolean
  advance(): Token
  /** Takes the token if it is this operator or name. */
  take(text: string): boolean
  expect(text: string): Token
  expectKind(kind: Token['kind'], what: string): Token
  fail(problem: string, token?: Token): AglError
  notSupported(what: string, token: Token): AglError
  /** Holds the nesting of the tree, and so the stack of whoever walks it, within its limit; undone by setting `depth` back. */
  enter(): void
  depth: number
}

export function createTokens(tokens: readonly Token[], source: string): Tokens {
  let at = 0
  const describe = (token: Token): string => (token.kind === 'end' ? 'the end of the template' : `"${token.text}"`)
  const cursor: Tokens = {
    depth: 0,
    get current() {
      return tokens[at]!
    },
    get next() {
      return tokens[at + 1] ?? tokens[at]!
    },
    is: (...texts) => (tokens[at]!.kind === 'operator' || tokens[at]!.kind === 'name') && texts.includes(tokens[at]!.text),
    advance: () => (at < tokens.length - 1 ? tokens[at++]! : tokens[at]!),
    take(text) {
      const isIt = cursor.is(text)
      if (isIt) at++
      return isIt
    },
    expect(text) {
      if (!cursor.is(text)) throw cursor.fail(`expected "${text}", got ${describe(tokens[at]!)}`)
      return cursor.advance()
    },
    expectKind(kind, what) {
      if (tokens[at]!.kind !== kind) throw cursor.fail(`expected ${what}, got ${describe(tokens[at]!)}`)
      return cursor.advance()
    },
    fail: (problem, token = tokens[at]!) => invalidAt(problem, source, token.offset),
    notSupported(what, token) {
      const position = positionOf(source, token.offset)
      const problem = `${what} is not supported in prompt templates; a template stands alone, with if, for, set, raw and comments`
      return new AglError({
        code: 'not_supported',
        message: `Line ${position.line}, column ${position.column} of the template: ${problem}`,
        data: { problem, ...position },
      })
    },
    enter() {
      if (++cursor.depth > renderLimits.depth) throw cursor.fail(`expected at most ${renderLimits.depth} levels of nesting`)
    },
  }
  return cursor
}
