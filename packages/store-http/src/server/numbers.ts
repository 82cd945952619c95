import { keepJsonSource, mayLoseNumbers } from '@agl/types'
import { sliceItems, sliceMembers } from '../wire/json-slices.ts'

/*
 * Numbers of Python in the parts of a rollout that are the caller's own. What JSON.parse would lose is kept as text beside the
 * value and written back as it came; NaN and the infinities, of which JSON has no word, become null, as the reference answers
 * them.
 */

const ownFields = ['input', 'metadata'] as const

/** @param text what `value` was read from @param list the key under which there are several rollouts; null for one */
export function keepNumbers(value: unknown, text: string, list: string | null): void {
  if (!mayLoseNumbers(text)) return
  if (list === null) {
    keepFields(value, text, 0)
    return
  }
  const place = sliceMembers(text, 0).get(list)
  const rollouts = (value as Readonly<Record<string, unknown>> | null)?.[list]
  if (place === undefined || !Array.isArray(rollouts)) return
  for (const [index, [start]] of sliceItems(text, place[0]).entries()) keepFields(rollouts[index], text, start)
}

function keepFields(rollout: unknown, text: string, start: number): void {
  if (typeof rollout !== 'object' || rollout === null) return
  const members = sliceMembers(text, start)
  for (const field of ownFields) {
    const value = (rollout as Readonly<Record<string, unknown>>)[field]
    const slice = members.get(field)
    if (slice === undefined || typeof value !== 'object' || value === null) continue
    const source = text.slice(...slice)
    if (mayLoseNumbers(source) && isJson(source)) keepJsonSource(value, source)
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const oddWords = /NaN|Infinity/

/** Whether a body may hold what {@link withoutOddNumbers} replaces. */
export function mayHaveOddNumbers(text: string): boolean {
  return oddWords.test(text)
}

/** The same value with null for each number that JSON cannot say. */
export function withoutOddNumbers(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(withoutOddNumbers)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutOddNumbers(item)]))
}
