import type { Meter } from '../meter.ts'
import { invalid } from '../template-error.ts'
import { formatValue } from './format-value.ts'
import { ascii, repr, str } from './text.ts'
import { Float, Tuple, typeOf } from './values.ts'

const directive = /%(?:([-+ 0#]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])|)/g

/** `text % given`: a tuple holds the values in their order, anything else is one. */
export function percentFormat(text: string, given: unknown, meter: Meter): string {
  const values = given instanceof Tuple ? given.items : [given]
  meter.characters(text.length)
  let used = 0
  const formatted = text.replace(directive, (all: string, flags = '', width = '', precision?: string, type = '') => {
    if (type === '') throw invalid(`expected a format such as %s, %d or %.2f after "%", and %% for the sign itself`)
    if (type === '%') return '%'
    if (used === values.length) throw invalid(`expected a value for each "%" of "${text}", got ${values.length}`)
    const shown = formatOne(values[used++], { all, flags, precision, type }, meter)
    const isZeros = flags.includes('0') && !flags.includes('-') && !'sra'.includes(type)
    const align = flags.includes('-') ? '<' : isZeros ? '=' : '>'
    return align === '='
      ? padZeros(shown, Number(width), meter)
      : formatValue(shown, width === '' ? '' : `${align}${width}`, meter)
  })
  // A list or dict may stay unused, as in Python.
  const mustBeUsed = given instanceof Tuple || !['list', 'dict'].includes(typeOf(given))
  if (used < values.length && mustBeUsed) throw invalid(`expected ${used} values for "${text}", got ${values.length}`)
  return formatted
}

function padZeros(shown: string, width: number, meter: Meter): string {
  const sign = /^[-+ ]/.exec(shown)?.[0] ?? ''
  return width === 0 ? shown : sign + formatValue(shown.slice(sign.length), `0>${Math.max(0, width - sign.length)}`, meter)
}

interface Directive {
  readonly all: string
  readonly flags: string
  readonly precision: string | undefined
  readonly type: string
}

function formatOne(value: unknown, { all, flags, precision, type }: Directive, meter: Meter): string {
  const cut = precision === undefined ? '' : `.${precision}`
  switch (type) {
    case 's':
      return formatValue(str(value, meter), cut, meter)
    case 'r':
      return formatValue(repr(value, meter), cut, meter)
    case 'a':
      return formatValue(ascii(value, meter), cut, meter)
  }
  const isNumber = ['int', 'float', 'bool'].includes(typeOf(value))
  if (!isNumber) throw invalid(`expected a number for "${all}", got ${typeOf(value)}`)
  const head = (flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') + (flags.includes('#') ? '#' : '')
  if ('eEfFgG'.includes(type)) return formatValue(value, `${head}${cut}${type}`, meter)
  if ('diuxXo'.includes(type) && precision === undefined) {
    const number = value instanceof Float ? value.value : value
    const whole = typeof number === 'number' && 'diu'.includes(type) ? BigInt(Math.trunc(number)) : number
    return formatValue(whole, `${head}${'xXo'.includes(type) ? type : 'd'}`, meter)
  }
  throw invalid(`expected one of the formats %s, %r, %a, %d, %i, %x, %o, %e, %f and %g, got "${all}"`)
}
