import { calculate, compare, contains, dictKey, equals, isTruthy, numericOf, wholeNumber } from '../python/operators.ts'
import { entriesOf, float, knownTypeOf, missing, entryOf, Tuple, typeOf } from '../python/values.ts'
import { invalid } from '../template-error.ts'
import { getItem, Loop, Namespace, slice, textOf, wholeArgument } from './access.ts'
import { type Arguments, invoke, type Tools } from './call.ts'
import { filters } from './filters.ts'
import { methodsOf } from './methods.ts'
import type { CallSyntax, Expression } from './syntax.ts'
import { tests } from './tests.ts'
import { defined, Undefined } from './undefined.ts'

/** Names and their values, each scope within another. */
export interface Scope {
  readonly values: Map<string, unknown>
  readonly parent: Scope | null
}

/** One rendering. */
export interface Rendering {
  readonly tools: Tools
  /** What the caller gave. */
  readonly given: Readonly<Record<string, unknown>>
  /** The place of what is being evaluated, for messages. */
  offset: number
}

export function lookUp(name: string, scope: Scope, { given }: Rendering): unknown {
  for (let at: Scope | null = scope; at !== null; at = at.parent) {
    if (at.values.has(name)) return at.values.get(name)
  }
  const found = entryOf(given, name)
  if (found !== missing) return found
  return new Undefined(() => `expected a value for "${name}", got ${Object.keys(given).join(', ') || 'no values'}`)
}

/** The value of an expression, which may be {@link Undefined}. */
export function evaluate(expression: Expression, scope: Scope, rendering: Rendering): unknown {
  const { meter } = rendering.tools
  meter.step()
  const inner = (one: Expression): unknown => evaluate(one, scope, rendering)
  const value = (one: Expression): unknown => {
    const result = defined(inner(one))
    // What the operator now makes of its operands is wrong, if it is, at the operator.
    rendering.offset = expression.offset
    return result
  }
  rendering.offset = expression.offset
  switch (expression.kind) {
    case 'constant':
      return expression.value
    case 'name':
      return lookUp(expression.name, scope, rendering)
    case 'list':
      return expression.items.map(value)
    case 'tuple':
      return new Tuple(expression.items.map(value))
    case 'dict':
      return new Map(expression.entries.map(([key, item]) => [dictKey(value(key)), value(item)]))
    case 'concat': {
      const texts = expression.items.map((item) => textOf(value(item), meter))
      meter.characters(texts.reduce((sum, text) => sum + text.length, 0))
      return texts.join('')
    }
    case 'unary':
      return unary(expression.operator, value(expression.operand))
    case 'logic': {
      const left = value(expression.left)
      return isTruthy(left) === (expression.operator === 'and') ? inner(expression.right) : left
    }
    case 'arithmetic':
      return calculate(expression.operator, value(expression.left), value(expression.right), meter)
    case 'compare': {
      let left = value(expression.first)
      for (const { operator, operand } of expression.rest) {
        const right = value(operand)
        if (!holds(operator, left, right, rendering)) return false
        left = right
      }
      return true
    }
    case 'condition':
      if (isTruthy(value(expression.test))) return inner(expression.yes)
      return expression.no === null ? new Undefined(() => 'expected "else"', { isSilent: true }) : inner(expression.no)
    case 'attribute':
      return getItem(value(expression.object), expression.name, meter)
    case 'item': {
      const object = value(expression.object)
      return getItem(object, numericKey(value(expression.key)), meter)
    }
    case 'slice': {
      const object = value(expression.object)
      return slice(
        object,
        expression.bounds.map((bound) => (bound === null ? null : value(bound))),
        meter,
      )
    }
    case 'call':
      return call(expression.callee, argumentsOf(expression.call, scope, rendering), scope, rendering)
    case 'filter': {
      const input = inner(expression.value)
      const args = argumentsOf(expression.call, scope, rendering)
      rendering.offset = expression.offset
      return rendering.tools.filter(expression.name, input, args)
    }
    case 'test': {
      const input = inner(expression.value)
      const args = argumentsOf(expression.call, scope, rendering)
      rendering.offset = expression.offset
      return rendering.tools.test(expression.name, input, args)
    }
    default:
      return expression satisfies never
  }
}

function numericKey(key: unknown): unknown {
  return typeof key === 'boolean' ? Number(key) : key
}

function unary(operator: '-' | '+' | 'not', value: unknown): unknown {
  if (operator === 'not') return !isTruthy(value)
  const number = numericOf(value)
  if (number === null) throw invalid(`expected a number after "${operator}", got ${typeOf(value)}`)
  const result = operator === '-' ? -number.value : number.value
  return number.isFloat ? float(result) : wholeNumber(result)
}

function holds(operator: string, left: unknown, right: unknown, { tools: { meter } }: Rendering): boolean {
  switch (operator) {
    case '==':
      return equals(left, right, meter)
    case '!=':
      return !equals(left, right, meter)
    case 'in':
      return contains(right, left, meter)
    case 'not in':
      return !contains(right, left, meter)
    case '<':
      return compare(left, right, meter) < 0
    case '<=':
      return compare(left, right, meter) <= 0
    case '>':
      return compare(left, right, meter) > 0
    default:
      return compare(left, right, meter) >= 0
  }
}

function argumentsOf(syntax: CallSyntax, scope: Scope, rendering: Rendering): Arguments {
  const value = (one: Expression): unknown => defined(evaluate(one, scope, rendering))
  return { positional: syntax.positional.map(value), named: new Map(syntax.named.map(([name, one]) => [name, value(one)])) }
}

/** Calls what can be called: a function of Jinja by its name, or a method of Python on a value. No value is a function. */
function call(callee: Expression, args: Arguments, scope: Scope, rendering: Rendering): unknown {
  rendering.offset = callee.offset
  const { tools } = rendering
  if (callee.kind === 'name') {
    const run = functions.get(callee.name)
    if (run === undefined)
      throw invalid(`expected one of the functions ${[...functions.keys()].join(', ')}, got "${callee.name}"`)
    return run(args, tools)
  }
  if (callee.kind !== 'attribute') throw invalid('expected the name of a function or method before "("')
  const object = defined(evaluate(callee.object, scope, rendering))
  rendering.offset = callee.offset
  if (object instanceof Loop) return callLoop(object, callee.name, args, tools)
  const type = knownTypeOf(object)
  const methods = type === null ? new Map() : methodsOf(type)
  const method = methods.get(callee.name)
  if (method === undefined) {
    throw invalid(
      `expected for a value of type ${typeOf(object)} one of the methods ${[...methods.keys()].join(', ') || '(none)'}; got "${callee.name}"`,
    )
  }
  return invoke(`"${callee.name}"`, method, object, args, tools)
}

function callLoop(loop: Loop, name: string, { positional }: Arguments, { meter }: Tools): unknown {
  if (name === 'cycle' && positional.length > 0) return positional[Number(loop.entries.get('index0')) % positional.length]
  if (name !== 'changed') throw invalid(`expected loop.cycle(…) or loop.changed(…), got "loop.${name}"`)
  const value = new Tuple(positional)
  const isSame = loop.changes.last !== undefined && equals(loop.changes.last, value, meter)
  loop.changes.last = value
  return !isSame
}

const functions: ReadonlyMap<string, (args: Arguments, tools: Tools) => unknown> = new Map<
  string,
  (args: Arguments, tools: Tools) => unknown
>([
  ['range', range],
  ['dict', (args: Arguments, tools: Tools) => new Map(entriesGiven(args, tools))],
  ['namespace', (args: Arguments, tools: Tools) => new Namespace(entriesGiven(args, tools))],
])

/** Names that are no placeholders. */
export const functionNames: ReadonlySet<string> = new Set(functions.keys())

function entriesGiven({ positional, named }: Arguments, { meter }: Tools): Map<string, unknown> {
  const [first, ...rest] = positional
  const entries = first === undefined ? [] : entriesOf(first)
  if (entries === null || rest.length > 0) throw invalid('expected a dict or named values')
  meter.step(entries.length)
  return new Map([...entries.map(([key, value]) => [String(key), value] as const), ...named])
}

function range({ positional }: Arguments, { meter }: Tools): readonly number[] {
  const [first = 0, second, step = 1] = positional.map((one) => wholeArgument(one, 'a bound of range'))
  if (positional.length === 0 || positional.length > 3 || step === 0)
    throw invalid('expected range(stop) or range(start, stop, step), with a step other than 0')
  const [start, stop] = second === undefined ? [0, first] : [first, second]
  const length = Math.max(0, Math.ceil((stop - start) / step))
  meter.step(length)
  return Array.from({ length }, (_, index) => start + index * step)
}

/** What filters and tests use of the others. */
export function createTools(meter: Tools['meter']): Tools {
  const tools: Tools = {
    meter,
    filter(name, value, args) {
      const filter = filters.get(name)
      if (filter === undefined) throw invalid(`expected one of the filters ${[...filters.keys()].join(', ')}; got "${name}"`)
      return invoke(`the filter "${name}"`, filter, value, args, tools)
    },
    test(name, value, args) {
      const test = tests.get(name)
      if (test === undefined) throw invalid(`expected one of the tests ${[...tests.keys()].join(', ')}; got "${name}"`)
      return invoke(`the test "${name}"`, test, value, args, tools)
    },
  }
  return tools
}
