import { type Meter, renderLimits } from '../meter.ts'
import { scaled } from '../python/float-digits.ts'
import { calculate, isTruthy, numericOf, wholeNumber } from '../python/operators.ts'
import { percentFormat } from '../python/percent-format.ts'
import { float, Float, lengthOf, Tuple } from '../python/values.ts'
import { invalid } from '../template-error.ts'
import { getItem, iterate, lengthOfValue, textArgument, textOf, wholeArgument } from './access.ts'
import { type Callable, callable, type Tools } from './call.ts'
import {
  at,
  attributeOf,
  batches,
  dictSorted,
  extreme,
  grouped,
  items,
  joined,
  map,
  reversed,
  selecting,
  sorted,
  unique,
} from './list-filters.ts'
import { replaced } from './methods.ts'
import { capitalized, escapedHtml, indented, strip, titledWords, truncated } from './text-functions.ts'
import { toJson } from './to-json.ts'
import { defined, Undefined } from './undefined.ts'

type Given = Readonly<Record<string, unknown>>

function textMade(text: string, { characters }: Meter): string {
  characters(text.length)
  return text
}

/** A filter of anything, taken as text. */
function ofText(parameters: string, run: (text: string, given: Given) => unknown): Callable {
  return callable(parameters, (value, given, { meter }) => {
    const result = run(textOf(value, meter), given)
    if (typeof result === 'string') meter.characters(result.length)
    return result
  })
}

function rounded(value: unknown, { precision = 0, method = 'common' }: Given): unknown {
  const number = numericOf(defined(value))
  const digits = wholeArgument(precision, 'precision')
  if (number === null || Math.abs(digits) > 300) throw invalid('expected a number to round, to at most 300 digits')
  if (method === 'common') {
    if (!Number.isFinite(number.value)) return value
    if (!number.isFloat && digits >= 0) return number.value
    const text = `${number.value < 0 || Object.is(number.value, -0) ? '-' : ''}${scaled(number.value, digits)}e${-digits}`
    return number.isFloat ? float(Number(text)) : wholeNumber(Number(text))
  }
  if (method !== 'ceil' && method !== 'floor') throw invalid('expected the method "common", "ceil" or "floor"')
  return float(Math[method](number.value * 10 ** digits) / 10 ** digits)
}

function toInteger(value: unknown, { default: other = 0 }: Given, tools: Tools): unknown {
  const number = numberIn(value, tools)
  return number === undefined || !Number.isFinite(number) ? other : wholeNumber(Math.trunc(number))
}

function toFloat(value: unknown, { default: other = new Float(0) }: Given, tools: Tools): unknown {
  const number = numberIn(value, tools)
  return number === undefined ? other : float(number)
}

/** The number that a value is, or that a text spells. */
function numberIn(value: unknown, { meter }: Tools): number | undefined {
  if (typeof value !== 'string') return numericOf(defined(value))?.value
  meter.characters(value.length)
  return textNumber(value)
}

function textNumber(text: string): number | undefined {
  const digits = text.trim().replace(/(?<=\d)_(?=\d)/g, '')
  if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(digits)) return Number(digits)
  const special = /^([-+]?)(?:(inf(?:inity)?)|nan)$/i.exec(digits)
  if (special === null) return undefined
  return special[2] === undefined ? Number.NaN : special[1] === '-' ? -Infinity : Infinity
}

/** A width or length within its limit. */
function sizeArgument(value: unknown, name: string): number {
  const size = wholeArgument(value, name)
  if (size > renderLimits.width) throw invalid(`expected at most ${renderLimits.width} as ${name}, got ${size}`)
  return Math.max(0, size)
}

function centered(text: string, { width = 80 }: Given): string {
  const size = lengthOf(text)
  const room = Math.max(0, sizeArgument(width, 'width') - size)
  // Python puts the odd space to the left when the width is odd.
  const left = Math.floor(room / 2) + (room & (size + room) & 1)
  return ' '.repeat(left) + text + ' '.repeat(room - left)
}

const byDefault = callable('default_value boolean', (value, { default_value: other = '', boolean = false }) =>
  value instanceof Undefined || (isTruthy(boolean) && !isTruthy(value)) ? other : value,
)
const length = callable('', (value, _given, { meter }) => lengthOfValue(value, meter))
const escape = ofText('', escapedHtml)
const asIs = callable('', (value) => defined(value))

function indent(value: unknown, { width = 4, first = false, blank = false }: Given, { meter }: Tools): string {
  const text = textArgument(value, 'what is indented')
  const indention = typeof width === 'string' ? width : ' '.repeat(sizeArgument(width, 'width'))
  meter.characters(text.length + text.split('\n').length * indention.length)
  return indented(text, indention, isTruthy(first), isTruthy(blank))
}

/** What may follow `|`. */
export const filters: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  [
    'abs',
    callable('', (value) => {
      const number = numericOf(defined(value))
      if (number === null) throw invalid('expected a number')
      return number.isFloat ? float(Math.abs(number.value)) : Math.abs(number.value)
    }),
  ],
  ['attr', callable('name', (value, { name }, { meter }) => getItem(value, textArgument(name, 'name'), meter))],
  ['batch', callable('linecount fill_with', batches)],
  ['capitalize', ofText('', capitalized)],
  ['center', ofText('width', centered)],
  ['count', length],
  ['d', byDefault],
  ['default', byDefault],
  ['dictsort', callable('case_sensitive by reverse', dictSorted)],
  ['e', escape],
  ['escape', escape],
  ['first', at(0)],
  ['float', callable('default', toFloat)],
  [
    'format',
    callable(null, (value, _given, { meter }, { positional }) =>
      percentFormat(textOf(value, meter), new Tuple(positional.map(defined)), meter),
    ),
  ],
  ['groupby', callable('attribute default case_sensitive', grouped)],
  ['indent', callable('width first blank', indent)],
  ['int', callable('default', toInteger)],
  ['items', callable('', (value, _given, tools) => items(value, tools))],
  ['join', callable('d attribute', joined)],
  ['last', at(-1)],
  ['length', length],
  ['list', callable('', (value, _given, { meter }) => Array.from(iterate(value, meter)))],
  ['lower', ofText('', (text) => text.toLowerCase())],
  ['map', callable(null, (value, _given, tools, call) => map(value, tools, call))],
  ['max', extreme(1)],
  ['min', extreme(-1)],
  ['reject', selecting(false, false)],
  ['rejectattr', selecting(false, true)],
  [
    'replace',
    callable('old new count', (value, { old, new: by, count = null }, { meter }) =>
      replaced(
        textOf(value, meter),
        textOf(old, meter),
        textOf(by, meter),
        count === null ? -1 : wholeArgument(count, 'count'),
        meter,
      ),
    ),
  ],
  ['reverse', callable('', (value, _given, tools) => reversed(value, tools))],
  ['round', callable('precision method', rounded)],
  ['safe', asIs],
  ['select', selecting(true, false)],
  ['selectattr', selecting(true, true)],
  ['sort', callable('reverse case_sensitive attribute', sorted)],
  ['string', ofText('', (text) => text)],
  [
    'sum',
    callable('attribute start', (value, { attribute, start = 0 }, tools) =>
      iterate(value, tools.meter).reduce((sum, item) => {
        const added = defined(attributeOf(item, attribute, tools))
        if (typeof added === 'string') throw invalid('expected numbers to sum; join texts with join')
        return calculate('+', sum, added, tools.meter)
      }, start),
    ),
  ],
  ['title', ofText('', titledWords)],
  [
    'tojson',
    callable('indent', (value, { indent: spaces = null }, { meter }) =>
      toJson(defined(value), spaces === null ? null : wholeArgument(spaces, 'indent'), meter),
    ),
  ],
  [
    'trim',
    ofText('chars', (text, { chars = null }) => strip(text, chars === null ? null : textArgument(chars, 'chars'), 'both')),
  ],
  [
    'truncate',
    callable(
      'length killwords end leeway',
      (value, { length: most = 255, killwords = false, end = '...', leeway = 5 }, { meter }) => {
        const ending = textArgument(end, 'end')
        const size = wholeArgument(most, 'length')
        const spare = wholeArgument(leeway ?? 5, 'leeway')
        if (size < lengthOf(ending)) throw invalid(`expected a length of at least ${lengthOf(ending)}, got ${size}`)
        if (lengthOfValue(value, meter) <= size + spare) return value
        return textMade(
          truncated(textArgument(value, 'what is cut'), size - lengthOf(ending), isTruthy(killwords), ending),
          meter,
        )
      },
    ),
  ],
  ['unique', callable('case_sensitive attribute', unique)],
  ['upper', ofText('', (text) => text.toUpperCase())],
  ['wordcount', ofText('', (text) => text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)],
])
