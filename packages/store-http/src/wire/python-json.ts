import { AglError } from '@agl/types'

/** The words that JSON has, and the three that Python adds; `-Infinity` is met before a number is looked for. */
const words: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/**
 * As JSON.parse, but takes NaN, Infinity and -Infinity where a value may stand. Written by hand because stand-ins for the
 * words, put in before JSON.parse, would make some bodies ten times as large. Linear in time.
 * @throws AglError `invalid_argument`, with `data.status` 422 and `data.offset` for what is not JSON, or 400 for more than
 *   `maxLevels` lists and objects within each other
 */
export function parsePythonJson(text: string, maxLevels: number): unknown {
  let at = 0

  function value(levels: number): unknown {
    skipSpace()
    switch (text[at]) {
      case '{':
        return object(within(levels))
      case '[':
        return list(within(levels))
      case '"':
        return string()
      default:
        return word()
    }
  }

  function within(levels: number): number {
    if (levels > 0) return levels - 1
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected JSON of at most ${maxLevels} levels; the body is nested deeper.`,
      data: { status: 400, maxLevels },
    })
  }

  function list(levels: number): unknown[] {
    const items: unknown[] = []
    at += 1
    if (take(']')) return items
    do items.push(value(levels))
    while (take(','))
    if (!take(']')) throw unexpected('"," or "]"')
    return items
  }

  function object(levels: number): Record<string, unknown> {
    const record: Record<string, unknown> = {}
    at += 1
    if (take('}')) return record
    do {
      skipSpace()
      if (text[at] !== '"') throw unexpected('a key in double quotes')
      const key = string()
      if (!take(':')) throw unexpected('":"')
      set(record, key, value(levels))
    } while (take(','))
    if (!take('}')) throw unexpected('"," or "}"')
    return record
  }

  function string(): string {
    const start = at
    for (at += 1; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at += 1
    at += 1
    try {
      return JSON.parse(text.slice(start, at)) as string
    } catch {
      at = start
      throw unexpected('a string that ends, with valid escapes and no control characters')
    }
  }

  function word(): unknown {
    for (const [name, meaning] of words) {
      if (!text.startsWith(name, at)) continue
      at += name.length
      return meaning
    }
    numberPattern.lastIndex = at
    const number = numberPattern.exec(text)?.[0]
    if (number === undefined) throw unexpected('a value')
    at += number.length
    return Number(number)
  }

  function take(character: string): boolean {
    skipSpace()
    if (text[at] !== character) return false
    at += 1
    return true
  }

  function skipSpace(): void {
    while (isSpace(text.charCodeAt(at))) at += 1
  }

  function unexpected(expected: string): AglError {
    const offset = Math.min(at, text.length)
    const came = offset === text.length ? 'the body ends' : `there is ${JSON.stringify(text[offset])}`
    return new AglError({
      code: 'invalid_argument',
      message: `Expected a body of JSON: at character ${offset} ${came} where ${expected} belongs.`,
      data: { status: 422, type: 'json_invalid', offset },
    })
  }

  const result = value(maxLevels)
  skipSpace()
  if (at < text.length) throw unexpected('the end')
  return result
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

/** As JSON.parse does it: a key `__proto__` is a key like any other. */
function set(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true })
  else record[key] = value
}

/** The same value with null for each number that JSON cannot say. */
export function withoutOddNumbers(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(withoutOddNumbers)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutOddNumbers(item)]))
}
