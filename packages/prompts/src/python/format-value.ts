import { type Meter, renderLimits } from '../meter.ts'
import { invalid } from '../template-error.ts'
import { exponentText, plain, scaled, shortest, type Significant, significant } from './float-digits.ts'
import { str } from './text.ts'
import { codePoints, Float, lengthOf, typeOf } from './values.ts'

/** A parsed format specifier: `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`. */
interface FormatSpec {
  readonly fill: string
  readonly align: string | undefined
  readonly sign: string | undefined
  readonly noNegativeZero: boolean
  readonly alternate: boolean
  readonly zeros: boolean
  readonly width: number
  readonly grouping: string | undefined
  readonly precision: number | undefined
  readonly type: string
}

const pattern = /^(?:(.)?([<>=^]))?([+\- ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?(.)?$/su

function parseSpec(text: string): FormatSpec {
  const match = pattern.exec(text)
  if (match === null) {
    throw invalid(
      `expected a format specifier such as ">8", ",d" or ".2f", got "${text}"; it is [[fill]align][sign][z][#][0][width][grouping][.precision][type]`,
    )
  }
  const [, fill, align, sign, z, alternate, zero, width = '0', grouping, precision, type = ''] = match
  for (const size of [width, precision ?? '0']) {
    if (Number(size) > renderLimits.width)
      throw invalid(`expected a width and precision up to ${renderLimits.width}, got ${size}`)
  }
  return {
    fill: fill ?? (zero === undefined ? ' ' : '0'),
    align,
    sign,
    noNegativeZero: z !== undefined,
    alternate: alternate !== undefined,
    zeros: zero !== undefined && fill === undefined,
    width: Number(width),
    grouping,
    precision: precision === undefined ? undefined : Number(precision),
    type,
  }
}

/** `format(value, spec)` */
export function formatValue(value: unknown, text: string, meter: Meter): string {
  if (text === '') return str(value, meter)
  const type = typeOf(value)
  const spec = parseSpec(text)
  // Digits are computed before most of them may be left out again, and text is read before it is cut.
  meter.characters((spec.precision ?? 0) + (typeof value === 'string' ? value.length : 0))
  const formatted = formatAs(type, value, spec, text)
  meter.characters(formatted.length)
  return formatted
}

function formatAs(type: ReturnType<typeof typeOf>, value: unknown, spec: FormatSpec, text: string): string {
  if (type === 'str') return formatString(value as string, spec)
  if (type === 'float') return formatFloat(value instanceof Float ? value.value : (value as number), spec, 'float')
  if (type === 'int' || type === 'bool') return formatInteger(BigInt(value as number | bigint | boolean), spec)
  throw invalid(
    `expected no format specifier for ${type === 'NoneType' ? 'None' : `a ${type}`}, got "${text}"; convert it to text first, with !s`,
  )
}

function unknownType(type: string, what: string, known: string): Error {
  return invalid(`expected for ${what} one of the format types ${known}, got "${type}"`)
}

function notAllowed(option: string, what: string): Error {
  return invalid(`expected no ${option} in a format specifier for ${what}`)
}

function formatString(value: string, spec: FormatSpec): string {
  if (spec.type !== '' && spec.type !== 's') throw unknownType(spec.type, 'text', 's')
  if (spec.sign !== undefined) throw notAllowed('sign', 'text')
  if (spec.noNegativeZero) throw notAllowed('"z"', 'text')
  if (spec.alternate) throw notAllowed('"#"', 'text')
  if (spec.grouping !== undefined) throw notAllowed(`"${spec.grouping}"`, 'text')
  if (spec.align === '=') throw notAllowed('alignment "="', 'text')
  const shown = spec.precision === undefined ? value : codePoints(value).slice(0, spec.precision).join('')
  return pad(shown, spec, spec.align ?? '<')
}

function pad(text: string, spec: FormatSpec, align: string): string {
  const room = Math.max(0, spec.width - lengthOf(text))
  const left = align === '<' ? 0 : align === '^' ? Math.floor(room / 2) : room
  return spec.fill.repeat(left) + text + spec.fill.repeat(room - left)
}

const bases: Readonly<Record<string, { readonly base: number; readonly prefix: string }>> = {
  b: { base: 2, prefix: '0b' },
  o: { base: 8, prefix: '0o' },
  x: { base: 16, prefix: '0x' },
  X: { base: 16, prefix: '0X' },
  d: { base: 10, prefix: '' },
  n: { base: 10, prefix: '' },
  '': { base: 10, prefix: '' },
}

function formatInteger(value: bigint, spec: FormatSpec): string {
  const { type, grouping } = spec
  if (type !== '' && 'eEfFgG%'.includes(type)) return formatFloat(Number(value), spec, 'int')
  if (spec.precision !== undefined) throw notAllowed('precision', 'whole numbers')
  if (spec.noNegativeZero) throw notAllowed('"z"', 'whole numbers')
  if (type === 'c') return formatCharacter(value, spec)
  const notation = Object.hasOwn(bases, type) ? bases[type] : undefined
  if (notation === undefined) throw unknownType(type, 'whole numbers', 'b, c, d, n, o, x, X, e, E, f, F, g, G or %')
  if (grouping !== undefined && (type === 'n' || (grouping === ',' && notation.base !== 10))) {
    throw notAllowed(`"${grouping}"`, `type "${type}"`)
  }
  const digits = (value < 0n ? -value : value).toString(notation.base)
  return layOut(
    {
      isNegative: value < 0n,
      prefix: spec.alternate ? notation.prefix : '',
      whole: type === 'X' ? digits.toUpperCase() : digits,
      rest: '',
      groupSize: notation.base === 10 ? 3 : 4,
    },
    spec,
  )
}

function formatCharacter(value: bigint, spec: FormatSpec): string {
  if (spec.sign !== undefined) throw notAllowed('sign', 'type "c"')
  if (spec.alternate) throw notAllowed('"#"', 'type "c"')
  if (spec.grouping !== undefined) throw notAllowed(`"${spec.grouping}"`, 'type "c"')
  if (value < 0n || value > 0x10ffffn) throw invalid(`expected a code point from 0 to 0x10ffff for type "c", got ${value}`)
  const character = String.fromCodePoint(Number(value))
  return pad(character, spec, spec.align === '=' || spec.align === undefined ? '>' : spec.align)
}

interface Shown {
  readonly isNegative: boolean
  readonly prefix: string
  readonly whole: string
  /** What follows the whole digits: fraction, exponent, percent sign. */
  readonly rest: string
  readonly groupSize: number
}

/** Sign, prefix, grouped digits and padding around them. */
function layOut(shown: Shown, spec: FormatSpec): string {
  const sign = shown.isNegative ? '-' : spec.sign === undefined || spec.sign === '-' ? '' : spec.sign
  const head = sign + shown.prefix
  const align = spec.align ?? (spec.zeros ? '=' : '>')
  if (align !== '=') return pad(head + grouped(shown, spec.grouping, 0) + shown.rest, spec, align)
  // Zeros between sign and digits are grouped like digits; any other fill is not.
  const room = spec.width - head.length - shown.rest.length
  const body = grouped(shown, spec.grouping, spec.fill === '0' ? room : 0)
  return head + spec.fill.repeat(Math.max(0, room - body.length)) + body + shown.rest
}

function grouped({ whole, groupSize }: Shown, separator: string | undefined, minimum: number): string {
  if (separator === undefined || !/^[\da-f]+$/i.test(whole)) return whole
  const parts: string[] = []
  let rest = whole
  // Room that is left for padding zeros; a separator takes some, and never stands first.
  let room = minimum
  while (parts.length === 0 || rest !== '' || room > 0) {
    if (parts.length > 0) room--
    const count = Math.min(groupSize, Math.max(rest.length, room, 1))
    parts.unshift(rest.slice(-count).padStart(count, '0'))
    rest = rest.slice(0, -count)
    room -= count
  }
  return parts.join(separator)
}

function formatFloat(value: number, spec: FormatSpec, from: 'float' | 'int'): string {
  const { type } = spec
  if (type !== '' && !'eEfFgGn%'.includes(type)) throw unknownType(type, 'numbers', 'e, E, f, F, g, G, n or %')
  if (type === 'n' && spec.grouping !== undefined) throw notAllowed(`"${spec.grouping}"`, 'type "n"')
  if (from === 'int' && !Number.isFinite(value)) throw invalid('expected a whole number that fits a float')
  const number = type === '%' ? value * 100 : value
  const { whole, rest } = Number.isFinite(number)
    ? floatDigits(Math.abs(number), spec)
    : { whole: Number.isNaN(number) ? 'nan' : 'inf', rest: '' }
  const isUpper = 'EFG'.includes(type) && type !== ''
  const isZero = !/[1-9]/.test(whole + rest.replace(/e.*/s, '')) && Number.isFinite(number)
  const isNegative = (number < 0 || Object.is(number, -0)) && !(spec.noNegativeZero && isZero)
  const end = type === '%' ? `${rest}%` : rest
  return layOut(
    {
      isNegative,
      prefix: '',
      whole: isUpper ? whole.toUpperCase() : whole,
      rest: isUpper ? end.toUpperCase() : end,
      groupSize: 3,
    },
    spec,
  )
}

interface FloatDigits {
  readonly whole: string
  readonly rest: string
}

function floatDigits(value: number, spec: FormatSpec): FloatDigits {
  const precision = spec.precision ?? 6
  switch (spec.type.toLowerCase()) {
    case 'f':
    case '%': {
      const digits = String(scaled(value, precision)).padStart(precision + 1, '0')
      const point = digits.length - precision
      return joined(digits.slice(0, point), digits.slice(point), '', spec.alternate)
    }
    case 'e':
      return exponential(significant(value, precision + 1), spec.alternate)
    case '':
      // As `str` when no precision says otherwise, and with a digit after the point in any case.
      if (spec.precision === undefined) return general(shortest(value), 17, spec, true)
      return general(trimmed(significant(value, Math.max(1, precision)), spec), Math.max(1, precision), spec, true)
    default:
      return general(trimmed(significant(value, Math.max(1, precision)), spec), Math.max(1, precision), spec, false)
  }
}

function trimmed(digits: Significant, spec: FormatSpec): Significant {
  return spec.alternate ? digits : { ...digits, digits: digits.digits.replace(/(?!^)0+$/, '') }
}

function general(digits: Significant, precision: number, spec: FormatSpec, withPoint: boolean): FloatDigits {
  const last = withPoint ? precision - 1 : precision
  if (digits.exponent < -4 || digits.exponent >= last) return exponential(digits, spec.alternate)
  const { whole, fraction } = plain(digits)
  return joined(whole, withPoint && fraction === '' ? '0' : fraction, '', spec.alternate)
}

function exponential({ digits, exponent }: Significant, alternate: boolean): FloatDigits {
  return joined(digits.slice(0, 1), digits.slice(1), exponentText(exponent), alternate)
}

function joined(whole: string, fraction: string, exponent: string, alternate: boolean): FloatDigits {
  return { whole, rest: `${fraction !== '' || alternate ? '.' : ''}${fraction}${exponent}` }
}
