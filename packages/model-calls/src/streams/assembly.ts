import { type Fields, numberOf } from '../loose.ts'

/** What one API makes of its events. */
export interface Assembly {
  take(event: Fields): void
  answer(): unknown
  /** An error that came in the stream. */
  failure(): string | null
  /** Whether the answer is complete, with or without its end mark. */
  isWhole(): boolean
  /** Whether the end mark of the API has come, where that is an event of its own. */
  isEnded(): boolean
}

/**
 * Where a part belongs in a list that grows. The index comes from the backend: one that is no place in the list, or far beyond
 * it, counts as the next one.
 */
export function placeIn(list: readonly unknown[], index: unknown): number {
  const position = numberOf(index)
  const isPlace = position !== null && Number.isInteger(position) && position >= 0 && position <= list.length
  return isPlace ? position : list.length
}
