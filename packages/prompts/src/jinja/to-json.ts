import { type Meter, renderLimits } from '../meter.ts'
import { compare } from '../python/operators.ts'
import { reprOfFloat } from '../python/text.ts'
import { entriesOf, Float, itemsOf, typeOf } from '../python/values.ts'
import { invalid } from '../template-error.ts'

interface Writer {
  readonly indent: number | null
  readonly meter: Meter
}

/** As Jinja's `tojson`: keys sorted, not ASCII and the signs of HTML escaped. */
export function toJson(value: unknown, indent: number | null, meter: Meter): string {
  if (indent !== null && (indent < 0 || indent > 100)) throw invalid(`expected an indent from 0 to 100, got ${indent}`)
  return write(value, { indent, meter }, 0)
}

function write(value: unknown, writer: Writer, depth: number): string {
  if (depth > renderLimits.depth) throw invalid(`expected values nested at most ${renderLimits.depth} deep, or in themselves`)
  writer.meter.step()
  const text = writeOne(value, writer, depth)
  writer.meter.characters(text.length)
  return text
}

function writeOne(value: unknown, writer: Writer, depth: number): string {
  const type = typeOf(value)
  switch (type) {
    case 'NoneType':
    case 'bool':
    case 'int':
      return String(value)
    case 'float': {
      const number = value instanceof Float ? value.value : (value as number)
      if (Number.isFinite(number)) return reprOfFloat(number)
      return Number.isNaN(number) ? 'NaN' : number > 0 ? 'Infinity' : '-Infinity'
    }
    case 'str':
      return quoted(value as string)
    case 'list':
    case 'tuple': {
      const items = itemsOf(value)!.map((item) => write(item, writer, depth + 1))
      return `[${enclosed(items, writer, depth)}]`
    }
    case 'dict': {
      const entries = entriesOf(value)!.filter(([, item]) => item !== undefined)
      const sorted = entries.toSorted(([left], [right]) => compare(left, right, writer.meter))
      const lines = sorted.map(([key, item]) => {
        const name = typeof key === 'string' ? quoted(key) : `"${write(key, writer, depth + 1)}"`
        return `${name}: ${write(item, writer, depth + 1)}`
      })
      return `{${enclosed(lines, writer, depth)}}`
    }
    default:
      return type satisfies never
  }
}

function enclosed(parts: readonly string[], { indent, meter }: Writer, depth: number): string {
  if (parts.length === 0) return ''
  if (indent === null) return parts.join(', ')
  const line = `\n${' '.repeat(indent * (depth + 1))}`
  meter.characters(parts.length * line.length)
  return `${line}${parts.join(`,${line}`)}\n${' '.repeat(indent * depth)}`
}

/** JSON escapes what is not ASCII by itself only where it has to. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[<>&'\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
