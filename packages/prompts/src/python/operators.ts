import type { Meter } from '../meter.ts'
import { invalid } from '../template-error.ts'
import { percentFormat } from './percent-format.ts'
import { entriesOf, entryOf, float, Float, itemsOf, knownTypeOf, missing, Tuple, typeOf } from './values.ts'

/** A number, or a bool as the number it is. */
export interface Numeric {
  readonly value: number
  readonly isFloat: boolean
}

export function numericOf(value: unknown): Numeric | null {
  if (typeof value === 'boolean') return { value: Number(value), isFloat: false }
  if (value instanceof Float) return { value: value.value, isFloat: true }
  if (typeof value === 'number') return { value, isFloat: knownTypeOf(value) === 'float' }
  if (typeof value !== 'bigint') return null
  return { value: Number(wholeNumber(Number(value))), isFloat: false }
}

/** An int, when it can be held exactly. */
export function wholeNumber(value: number): number {
  if (Number.isSafeInteger(value)) return value + 0
  throw invalid(`expected whole numbers below 2 ** 53 in arithmetic, got about ${value}; write it as a float`)
}

function numberOf({ value, isFloat }: Numeric): number | Float {
  return isFloat ? float(value) : wholeNumber(value)
}

/** `bool(value)` */
export function isTruthy(value: unknown): boolean {
  const number = numericOf(value)
  if (number !== null) return number.value !== 0
  if (value === null || value === '') return false
  const items = itemsOf(value)
  if (items !== null) return items.length > 0
  if (value instanceof Map) return value.size > 0
  if (typeOf(value) !== 'dict') return true
  for (const key in value as object) if (Object.hasOwn(value as object, key)) return true
  return false
}

/** `left == right` */
export function equals(left: unknown, right: unknown, meter: Meter, depth: number = 0): boolean {
  meter.step()
  if (depth > 200) throw invalid('expected values that are not nested in themselves')
  const [leftNumber, rightNumber] = [numericOf(left), numericOf(right)]
  if (leftNumber !== null && rightNumber !== null) return leftNumber.value === rightNumber.value
  const [leftItems, rightItems] = [itemsOf(left), itemsOf(right)]
  if (leftItems !== null && rightItems !== null) {
    return (
      left instanceof Tuple === right instanceof Tuple &&
      leftItems.length === rightItems.length &&
      leftItems.every((item, index) => equals(item, rightItems[index], meter, depth + 1))
    )
  }
  const [leftEntries, rightEntries] = [entriesOf(left), entriesOf(right)]
  if (leftEntries !== null && rightEntries !== null) {
    return (
      leftEntries.length === rightEntries.length &&
      leftEntries.every(([key, item]) => {
        const other = entryOf(right, key)
        return other !== missing && equals(item, other, meter, depth + 1)
      })
    )
  }
  if (typeof left === 'string') meter.step(Math.floor(left.length / 1000))
  return left === right
}

/** Below zero when left is before right, as Python sorts numbers, text, lists and tuples; throws for anything else. */
export function compare(left: unknown, right: unknown, meter: Meter): number {
  meter.step()
  const [leftNumber, rightNumber] = [numericOf(left), numericOf(right)]
  if (leftNumber !== null && rightNumber !== null) return leftNumber.value - rightNumber.value
  if (typeof left === 'string' && typeof right === 'string') return compareText(left, right, meter)
  const [leftItems, rightItems] = [itemsOf(left), itemsOf(right)]
  if (leftItems !== null && rightItems !== null && left instanceof Tuple === right instanceof Tuple) {
    for (let index = 0; index < Math.min(leftItems.length, rightItems.length); index++) {
      if (!equals(leftItems[index], rightItems[index], meter)) return compare(leftItems[index], rightItems[index], meter)
    }
    return leftItems.length - rightItems.length
  }
  throw invalid(`expected two numbers, texts or lists to compare, got ${typeOf(left)} and ${typeOf(right)}`)
}

/** By code points: JavaScript compares halves of surrogate pairs. */
function compareText(left: string, right: string, meter: Meter): number {
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    if (index % 10 === 9) meter.step()
    const difference = left.charCodeAt(index) - right.charCodeAt(index)
    if (difference !== 0) return rank(left.charCodeAt(index)) - rank(right.charCodeAt(index)) || difference
  }
  return left.length - right.length
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? 0x10000 : unit
}

/** `item in container` */
export function contains(container: unknown, item: unknown, meter: Meter): boolean {
  if (typeof container === 'string') {
    if (typeof item !== 'string') throw invalid(`expected a text on the left of "in", got ${typeOf(item)}`)
    meter.step(1 + Math.floor(container.length / 100))
    return container.includes(item)
  }
  const items = itemsOf(container)
  if (items !== null) return items.some((one) => equals(one, item, meter))
  if (typeOf(container) === 'dict') return entryOf(container, dictKey(item)) !== missing
  throw invalid(`expected a text, list or dict on the right of "in", got ${typeOf(container)}`)
}

/** A value that can be the key of a dict. */
export function dictKey(value: unknown): unknown {
  const type = typeOf(value)
  if (type !== 'list' && type !== 'dict') return value
  throw invalid(`expected a text or number as key of a dict, got a ${type}`)
}

/** Numbers, joined and repeated text and lists, and `'%s' % value`. */
export function calculate(operator: string, left: unknown, right: unknown, meter: Meter): unknown {
  const [leftNumber, rightNumber] = [numericOf(left), numericOf(right)]
  if (leftNumber !== null && rightNumber !== null) return calculateNumbers(operator, leftNumber, rightNumber)
  if (operator === '+') {
    if (typeof left === 'string' && typeof right === 'string') return joined(left, right, meter)
    const [leftItems, rightItems] = [itemsOf(left), itemsOf(right)]
    if (leftItems !== null && rightItems !== null && left instanceof Tuple === right instanceof Tuple) {
      meter.step(leftItems.length + rightItems.length)
      const items = [...leftItems, ...rightItems]
      return left instanceof Tuple ? new Tuple(items) : items
    }
  }
  if (operator === '%' && typeof left === 'string') {
    return percentFormat(left, right, meter)
  }
  if (operator === '*' && rightNumber?.isFloat === false) return repeated(left, rightNumber.value, meter)
  if (operator === '*' && leftNumber?.isFloat === false) return repeated(right, leftNumber.value, meter)
  throw cannot(operator, left, right)
}

function cannot(operator: string, left: unknown, right: unknown): Error {
  return invalid(
    `expected two numbers, or two texts or lists to join, for "${operator}", got ${typeOf(left)} and ${typeOf(right)}`,
  )
}

function joined(left: string, right: string, meter: Meter): string {
  meter.characters(left.length + right.length)
  return left + right
}

function repeated(value: unknown, times: number, meter: Meter): unknown {
  const count = Math.max(0, times)
  if (typeof value === 'string') {
    meter.characters(value.length * count)
    return value.repeat(value === '' ? 0 : count)
  }
  const items = itemsOf(value)
  if (items === null) throw cannot('*', value, times)
  meter.step(items.length * count)
  const all = items.length === 0 ? [] : Array.from({ length: items.length * count }, (_, index) => items[index % items.length])
  return value instanceof Tuple ? new Tuple(all) : all
}

function calculateNumbers(operator: string, left: Numeric, right: Numeric): number | Float {
  const isFloat = left.isFloat || right.isFloat
  const [a, b] = [left.value, right.value]
  if ((operator === '/' || operator === '//' || operator === '%') && b === 0)
    throw invalid(`expected no division by zero, got ${a} ${operator} 0`)
  switch (operator) {
    case '+':
      return numberOf({ value: a + b, isFloat })
    case '-':
      return numberOf({ value: a - b, isFloat })
    case '*':
      return numberOf({ value: a * b, isFloat })
    case '/':
      return float(a / b)
    case '//':
      return numberOf({ value: Math.round((a - modulo(a, b)) / b) || 0 * Math.sign(a / b), isFloat })
    case '%':
      return numberOf({ value: modulo(a, b), isFloat })
    default:
      return power(a, b, isFloat)
  }
}

/** Has the sign of what it is divided by. */
function modulo(a: number, b: number): number {
  const rest = a % b
  if (rest === 0) return b < 0 ? -0 : 0
  return rest < 0 !== b < 0 ? rest + b : rest
}

function power(a: number, b: number, isFloat: boolean): number | Float {
  if (a === 0 && b < 0) throw invalid(`expected no division by zero, got 0 ** ${b}`)
  if (a < 0 && !Number.isInteger(b)) throw invalid(`expected a whole exponent for a number below zero, got ${a} ** ${b}`)
  const value = a ** b
  if (!Number.isFinite(value) && Number.isFinite(a)) throw invalid(`expected a power that fits a float, got ${a} ** ${b}`)
  return numberOf({ value, isFloat: isFloat || b < 0 })
}
