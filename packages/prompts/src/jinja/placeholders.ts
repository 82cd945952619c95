import { functionNames } from './evaluate.ts'
import { normalized, parse } from './parse.ts'
import { capturedText, type Expression, type Statement, type Target } from './syntax.ts'

/** Names that a template reads from its values: all but those it always sets before, in the order it reads them. */
export function placeholdersOfJinja(template: string): readonly string[] {
  const found = new Set<string>()
  walk(parse(normalized(template)), new Set([...functionNames, capturedText]), found)
  return [...found]
}

/** Adds what is read without being bound to `found`, and what is set to `bound`. */
function walk(statements: readonly Statement[], bound: Set<string>, found: Set<string>): void {
  for (const statement of statements) {
    switch (statement.kind) {
      case 'text':
        break
      case 'output':
        read(statement.value, bound, found)
        break
      case 'if': {
        const ends = [...statement.branches.map(({ body }) => body), statement.otherwise].map((body, index) => {
          const branch = statement.branches[index]
          if (branch !== undefined) read(branch.test, bound, found)
          const within = new Set(bound)
          walk(body, within, found)
          return within
        })
        // What only some branches set may still come from the values.
        for (const name of ends[0]!) if (ends.every((end) => end.has(name))) bound.add(name)
        break
      }
      case 'for': {
        read(statement.iterable, bound, found)
        const within = new Set(bound)
        bind(statement.target, within, found)
        if (statement.test !== null) read(statement.test, within, found)
        walk(statement.body, new Set([...within, 'loop']), found)
        walk(statement.otherwise, new Set(bound), found)
        break
      }
      case 'set':
        read(statement.value, bound, found)
        bind(statement.target, bound, found)
        break
      case 'capture':
        walk(statement.body, new Set(bound), found)
        read(statement.value, bound, found)
        bind(statement.target, bound, found)
        break
      default:
        statement satisfies never
    }
  }
}

function bind(target: Target, bound: Set<string>, found: Set<string>): void {
  if (target.kind === 'name') bound.add(target.name)
  else if (target.kind === 'tuple') for (const item of target.items) bind(item, bound, found)
  else if (!bound.has(target.object)) found.add(target.object)
}

function read(expression: Expression, bound: ReadonlySet<string>, found: Set<string>): void {
  if (expression.kind === 'name' && !bound.has(expression.name)) found.add(expression.name)
  for (const part of partsOf(expression)) read(part, bound, found)
}

function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'constant':
    case 'name':
      return []
    case 'list':
    case 'tuple':
    case 'concat':
      return expression.items
    case 'dict':
      return expression.entries.flat()
    case 'unary':
      return [expression.operand]
    case 'logic':
    case 'arithmetic':
      return [expression.left, expression.right]
    case 'compare':
      return [expression.first, ...expression.rest.map(({ operand }) => operand)]
    case 'condition':
      return [expression.test, expression.yes, ...(expression.no === null ? [] : [expression.no])]
    case 'attribute':
      return [expression.object]
    case 'item':
      return [expression.object, expression.key]
    case 'slice':
      return [expression.object, ...expression.bounds.filter((bound) => bound !== null)]
    case 'call':
      return [expression.callee, ...argumentsOf(expression)]
    case 'filter':
    case 'test':
      return [expression.value, ...argumentsOf(expression)]
    default:
      return expression satisfies never
  }
}

function argumentsOf({ call }: Extract<Expression, { kind: 'call' | 'filter' | 'test' }>): readonly Expression[] {
  return [...call.positional, ...call.named.map(([, value]) => value)]
}
