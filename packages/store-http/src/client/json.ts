/*
 * JSON with the three numbers that Python writes and JSON lacks: NaN, Infinity and -Infinity, and -0. Both ways they are
 * rare: the plain codec runs first, and what this adds only when there is something odd.
 */

const tokens: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
])

const isOdd = (value: unknown): value is number => typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))

function hasOdd(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isOdd(value)
  if (Array.isArray(value)) return value.some(hasOdd)
  for (const key in value) if (hasOdd((value as Readonly<Record<string, unknown>>)[key])) return true
  return false
}

/** A beginning that no text in the JSON has, for the texts that stand in for numbers. */
function markFor(text: string): string {
  let mark = 'agl-number:'
  while (text.includes(mark)) mark = `~${mark}`
  return mark
}

/** JSON text; odd numbers become the tokens that Python writes. */
export function encodeJson(value: unknown): string {
  if (!hasOdd(value)) return JSON.stringify(value)
  const mark = markFor(JSON.stringify(value))
  const marked = JSON.stringify(value, (_, item: unknown) =>
    isOdd(item) ? `${mark}${Object.is(item, -0) ? '-0' : String(item)}` : item,
  )
  return marked.replaceAll(new RegExp(`"${mark}([^"]+)"`, 'g'), '$1')
}

/** Strings whole, so that nothing within them is taken for a number; then the tokens. */
const stringOrToken = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g

/** @throws SyntaxError for what is no JSON, even with the tokens of Python */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error
    const mark = markFor(text)
    const marked = text.replace(stringOrToken, (part) => (part.startsWith('"') ? part : `"${mark}${part}"`))
    return JSON.parse(marked, (key, item: unknown) => {
      if (key.startsWith(mark)) throw new SyntaxError(`Unexpected ${key.slice(mark.length)} as a key`)
      return typeof item === 'string' && item.startsWith(mark) ? tokens.get(item.slice(mark.length)) : item
    })
  }
}

/** The same JSON with null in the place of what JSON has no word for: in records that hold no such number. */
export function withoutOdd(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (Array.isArray(value)) return value.map(withoutOdd)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutOdd(item)]))
}
