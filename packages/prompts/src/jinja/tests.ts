import { compare, contains, equals, numericOf } from '../python/operators.ts'
import { knownTypeOf } from '../python/values.ts'
import { invalid } from '../template-error.ts'
import { iterate, textOf, wholeArgument } from './access.ts'
import { type Callable, callable } from './call.ts'
import { defined, Undefined } from './undefined.ts'

function typed(...types: readonly string[]): Callable<boolean> {
  return callable('', (value) => types.includes(knownTypeOf(value) ?? ''))
}

const same = callable('other', (value, { other }, { meter }) => equals(defined(value), defined(other), meter))

function ordered(holds: (order: number) => boolean): Callable<boolean> {
  return callable('other', (value, { other }, { meter }) => holds(compare(defined(value), defined(other), meter)))
}

function remainder(value: unknown, by: number): number {
  const number = numericOf(defined(value))
  if (number === null) throw invalid('expected a number to divide')
  if (by === 0) throw invalid('expected no division by zero')
  return number.value % by
}

const [above, atLeast, below, atMost] = [
  ordered((order) => order > 0),
  ordered((order) => order >= 0),
  ordered((order) => order < 0),
  ordered((order) => order <= 0),
]
const different = callable('other', (value, { other }, { meter }) => !equals(defined(value), defined(other), meter))

/** What may follow `is`. */
export const tests: ReadonlyMap<string, Callable<boolean>> = new Map<string, Callable<boolean>>([
  ['defined', callable('', (value) => !(value instanceof Undefined))],
  ['undefined', callable('', (value) => value instanceof Undefined)],
  ['none', callable('', (value) => value === null)],
  ['boolean', typed('bool')],
  ['true', callable('', (value) => value === true)],
  ['false', callable('', (value) => value === false)],
  ['integer', typed('int')],
  ['float', typed('float')],
  ['number', typed('int', 'float', 'bool')],
  ['string', typed('str')],
  ['mapping', typed('dict')],
  ['sequence', typed('str', 'list', 'tuple', 'dict')],
  ['iterable', callable('', (value) => ['str', 'list', 'tuple', 'dict'].includes(knownTypeOf(defined(value)) ?? ''))],
  ['odd', callable('', (value) => Math.abs(remainder(value, 2)) === 1)],
  ['even', callable('', (value) => remainder(value, 2) === 0)],
  ['divisibleby', callable('num', (value, { num }) => remainder(value, wholeArgument(num, 'num')) === 0)],
  ['lower', callable('', (value, _given, { meter }) => isCase(textOf(value, meter), (text) => text.toLowerCase()))],
  ['upper', callable('', (value, _given, { meter }) => isCase(textOf(value, meter), (text) => text.toUpperCase()))],
  [
    'in',
    callable('seq', (value, { seq }, { meter }) => {
      if (typeof seq !== 'string') iterate(seq, meter)
      return contains(seq, defined(value), meter)
    }),
  ],
  ['sameas', callable('other', (value, { other }) => Object.is(defined(value), defined(other)))],
  ['eq', same],
  ['equalto', same],
  ['ne', different],
  ['gt', above],
  ['greaterthan', above],
  ['ge', atLeast],
  ['lt', below],
  ['lessthan', below],
  ['le', atMost],
  // Under these names for `select` and its like.
  ['==', same],
  ['!=', different],
  ['>', above],
  ['>=', atLeast],
  ['<', below],
  ['<=', atMost],
])

/** Has letters, and all of them of this case. */
function isCase(text: string, convert: (text: string) => string): boolean {
  return text === convert(text) && text.toLowerCase() !== text.toUpperCase()
}
