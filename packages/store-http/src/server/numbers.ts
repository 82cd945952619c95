import { keepJsonSource, mayLoseNumbers } from '@agl/types'
import { sliceItems, sliceMembers } from '../wire/json-slices.ts'

/*
 * Numbers of Python in the parts of a rollout that are the caller's own. What JSON.parse would lose is kept as text beside the
 * value and written back as it came; NaN and the infinities, of which JSON has no word, become null, as the reference answers
 * them.
 */

/** Where in a body the caller's own values lie: keys, `*` for each item or member. */
export type OwnPlaces = readonly (readonly string[])[]

/** @param text what `value` was read from */
export function keepNumbers(value: unknown, text: string, places: OwnPlaces): void {
  if (mayLoseNumbers(text)) for (const place of places) keepAt(value, text, 0, place)
}

function keepAt(value: unknown, text: string, start: number, place: readonly string[]): void {
  if (typeof value !== 'object' || value === null) return
  const [key, ...rest] = place
  if (key === undefined) return
  const slices = Array.isArray(value)
    ? new Map(sliceItems(text, start).map((slice, index) => [String(index), slice]))
    : sliceMembers(text, start)
  for (const [name, slice] of key === '*' ? slices : [[key, slices.get(key)] as const]) {
    const inner = (value as Readonly<Record<string, unknown>>)[name]
    if (slice === undefined || typeof inner !== 'object' || inner === null) continue
    if (rest.length > 0) keepAt(inner, text, slice[0], rest)
    else keepText(inner, text.slice(...slice))
  }
}

function keepText(value: object, source: string): void {
  if (mayLoseNumbers(source) && isJson(source)) keepJsonSource(value, source)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Python's words, and numbers so long or with so large an exponent that a double may be infinite. */
const oddWords = /NaN|Infinity|\d{300}|[eE]\+?\d{3}/

/** Whether a body may hold what {@link withoutOddNumbers} replaces. */
export function mayHaveOddNumbers(text: string): boolean {
  return oddWords.test(text)
}

/** Where a number may begin, with digits enough; not those behind a point, which rewards often have as many of. */
const longInteger = /[:,[\s-]\d{16}/

/** Whole numbers that a double cannot hold, as their digits: what attributes keep of them. */
export function withLongIntegersAsText(value: unknown, text: string): unknown {
  if (!longInteger.test(text)) return value
  const revive = (_key: string, item: unknown, context: { readonly source?: string }): unknown => {
    const isLong = typeof item === 'number' && Number.isInteger(item) && !Number.isSafeInteger(item)
    return isLong && /^-?\d+$/.test(context.source ?? '') ? context.source : item
  }
  try {
    return JSON.parse(text, revive as (key: string, item: unknown) => unknown) as unknown
  } catch {
    // With tokens of Python in it: these and long numbers in one body keep the double.
    return value
  }
}
