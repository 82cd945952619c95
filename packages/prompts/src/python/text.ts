import { type Meter, renderLimits } from '../meter.ts'
import { invalid } from '../template-error.ts'
import { exponentText, plain, shortest } from './float-digits.ts'
import { entriesOf, Float, itemsOf, Tuple, typeOf } from './values.ts'

/** `str(value)` */
export function str(value: unknown, meter: Meter): string {
  return typeof value === 'string' ? value : repr(value, meter)
}

/** `repr(value)` */
export function repr(value: unknown, meter: Meter, depth: number = 0): string {
  if (depth > renderLimits.depth) throw invalid(`expected values nested at most ${renderLimits.depth} deep, or in themselves`)
  meter.step()
  const text = reprOf(value, meter, depth)
  meter.characters(text.length)
  return text
}

function reprOf(value: unknown, meter: Meter, depth: number): string {
  const type = typeOf(value)
  switch (type) {
    case 'NoneType':
      return 'None'
    case 'bool':
      return value === true ? 'True' : 'False'
    case 'int':
      return String(value)
    case 'float':
      return reprOfFloat(value instanceof Float ? value.value : (value as number))
    case 'str':
      return quoted(value as string)
    case 'list':
    case 'tuple': {
      const items = itemsOf(value)!
      const text = items.map((item) => repr(item, meter, depth + 1)).join(', ')
      if (!(value instanceof Tuple)) return `[${text}]`
      return items.length === 1 ? `(${text},)` : `(${text})`
    }
    case 'dict': {
      const entries = entriesOf(value)!.filter(([, item]) => item !== undefined)
      return `{${entries.map(([key, item]) => `${repr(key, meter, depth + 1)}: ${repr(item, meter, depth + 1)}`).join(', ')}}`
    }
    default:
      return type satisfies never
  }
}

/** `ascii(value)` */
export function ascii(value: unknown, meter: Meter): string {
  return repr(value, meter).replace(/[^\0-\x7f]/gu, escaped)
}

export function reprOfFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const { digits, exponent } = shortest(value)
  if (exponent < -4 || exponent >= 16) {
    return `${sign}${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ''}${exponentText(exponent)}`
  }
  const { whole, fraction } = plain({ digits, exponent })
  return `${sign}${whole}.${fraction || '0'}`
}

const named: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(character: string): string {
  const code = character.codePointAt(0)!
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
}

/** In single quotes, unless only those are in the text; what cannot be printed is escaped. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const body = text.replace(/[\\'\p{C}\p{Z}]/gu, (character) => {
    if (character === ' ' || (character === "'" && quote === '"')) return character
    return named[character] ?? (character === "'" ? "\\'" : escaped(character))
  })
  return quote + body + quote
}
