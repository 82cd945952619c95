import { AglError, errorMessage } from '@agl/types'

/*
 * Records as text. JSON has no word for NaN, the infinities and -0, which span attributes may hold: they are written as
 * strings that begin with a mark, and a string that begins with the mark itself gets a second one.
 */

const mark = '\u0001agl:'
/** As JSON writes it. Without the quote before it: text is full of quotes, and a search stops at each. */
const writtenMark = '\\u0001agl:'

/** @throws AglError `invalid_argument` for what cannot be written: cycles, big integers */
export function writeJson(value: unknown, what: string): string {
  try {
    const text = JSON.stringify(value)
    return text.includes(writtenMark) || hasOddNumber(value) ? JSON.stringify(value, encodeValue) : text
  } catch (error) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected ${what} to be JSON: ${errorMessage(error)}.`,
      cause: error,
    })
  }
}

export function readJson<Value>(text: string): Value {
  return (text.includes(writtenMark) ? JSON.parse(text, decodeValue) : JSON.parse(text)) as Value
}

function isOdd(value: number): boolean {
  return !Number.isFinite(value) || Object.is(value, -0)
}

function hasOddNumber(value: unknown): boolean {
  if (typeof value === 'number') return isOdd(value)
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (hasOddNumber(value[index])) return true
    return false
  }
  for (const key in value) if (hasOddNumber((value as Readonly<Record<string, unknown>>)[key])) return true
  return false
}

function encodeValue(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && isOdd(value)) return `${mark}${Object.is(value, -0) ? '-0' : value}`
  return typeof value === 'string' && value.startsWith(mark) ? `${mark}${value}` : value
}

function decodeValue(_key: string, value: unknown): unknown {
  if (typeof value !== 'string' || !value.startsWith(mark)) return value
  const rest = value.slice(mark.length)
  return rest.startsWith(mark) ? rest : Number(rest)
}
