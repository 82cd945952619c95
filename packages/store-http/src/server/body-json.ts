import { AglError } from '@agl/types'
import { parsePythonJson } from '../wire/python-json.ts'

/** Stores take values of 200 levels, which lie some levels deep in a body. Deeper ones overflow the stack of whoever walks them. */
const maxLevels = 256

/**
 * Lists, objects and members of objects in one body. Each takes 100 bytes or so of memory for as few as two of the body,
 * and packed nearly none: without this bound 65 KB of gzip, unpacked to 64 MiB of `{},{},…`, fill 2.4 GB and hold the
 * process for 7 s. Ten thousand spans in one body have half a million.
 */
const maxParts = 2_000_000

const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads a body of JSON as Python's `json` writes it: also with the bare words NaN, Infinity and -Infinity, which become
 * the numbers. Of equal keys the last counts. Linear in time, whatever the bytes.
 * @throws AglError `invalid_argument`, with `data.status` 400 for more than 256 levels; 413 for more than 2,000,000 lists, objects and members; 422 for what is not JSON, then with `data.type` `json_invalid` and in `data.offset` the first character that does not fit
 */
export function parseJsonBody(text: string): unknown {
  if (text.length > 2 * maxParts && hasMoreParts(text, maxParts)) throw tooManyParts()
  let value: unknown
  try {
    value = JSON.parse(text) as unknown
  } catch {
    // Several times slower, and says where the fault is.
    return parsePythonJson(text, maxLevels)
  }
  if (mayBeTooDeep(text) && isDeeper(value, maxLevels)) throw tooDeep()
  return value
}

/** The text of a body, without a byte order mark. @throws AglError `invalid_argument`, with `data.status` 400, for bytes that are not UTF-8 */
export function decodeBody(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    throw new AglError({
      code: 'invalid_argument',
      message: 'Expected a body in UTF-8; it holds bytes that are not.',
      data: { status: 400 },
    })
  }
}

/** Whether more lists, objects and members begin, outside of strings. */
function hasMoreParts(text: string, limit: number): boolean {
  let count = 0
  for (let index = 0; index < text.length && count <= limit; index++) {
    const code = text.charCodeAt(index)
    if (code === quote) index = endOfString(text, index)
    else if (code === colon || code === bracket || code === brace) count += 1
  }
  return count > limit
}

const quote = 0x22
const colon = 0x3a
const bracket = 0x5b
const backslash = 0x5c
const brace = 0x7b

/** The index of the quote that ends the string which begins here; without one, the end of the text. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === quote) return index
    if (code === backslash) index += 1
  }
  return text.length
}

/** Whether there are brackets enough; cheap, so that small bodies, which are most, are never walked. */
function mayBeTooDeep(text: string): boolean {
  if (text.length < 2 * maxLevels) return false
  let count = 0
  for (const bracket of ['{', '[']) {
    for (let index = text.indexOf(bracket); index !== -1; index = text.indexOf(bracket, index + 1)) {
      count += 1
      if (count > maxLevels) return true
    }
  }
  return false
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  if (Array.isArray(value)) return value.some((item) => isDeeper(item, levels - 1))
  const record = value as Readonly<Record<string, unknown>>
  for (const key in record) if (isDeeper(record[key], levels - 1)) return true
  return false
}

function tooDeep(): AglError {
  return new AglError({
    code: 'invalid_argument',
    message: `Expected JSON of at most ${maxLevels} levels; the body is nested deeper.`,
    data: { status: 400, maxLevels },
  })
}

function tooManyParts(): AglError {
  return new AglError({
    code: 'invalid_argument',
    message: `Expected JSON of at most ${maxParts} lists, objects and members together; the body has more. Send it in parts.`,
    data: { status: 413, maxParts },
  })
}
