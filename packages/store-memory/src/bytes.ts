import type { MemoryState } from './state.ts'

/*
 * What things take in memory, in bytes. Measured with Node 24: spans and inputs are walked, the rest are averages that
 * include the rows, lists and map entries around a record: 100,000 rollouts with an attempt take 1,430 to 1,510 bytes each.
 */

export const rolloutBytes = 720
export const attemptBytes = 700
export const workerBytes = 1250

/** What retention can never drop is told apart from what it can. */
export interface Usage {
  /** All spans, packed or not. */
  spans: number
  /** Records and spans of rollouts that are not finished. */
  unfinished: number
  /** Records and spans of finished rollouts. */
  finished: number
  resources: number
  workers: number
}

/** What retention can never drop to make room. */
export function keptBytes({ unfinished, resources, workers }: Usage): number {
  return unfinished + resources + workers
}

export function countBytes(state: MemoryState, what: keyof Usage, bytes: number): void {
  state.usage[what] += bytes
}

/** What a JSON value takes on the heap. */
export function heapBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return textBytes(value)
    case 'number':
      return Number.isInteger(value) ? 0 : 16
    case 'object':
      if (value === null) return 0
      return Array.isArray(value) ? listBytes(value) : objectBytes(value)
    default:
      return 0
  }
}

function textBytes(text: string): number {
  const { length } = text
  if (length < 2) return 0
  return 16 + (isTwoByte(text) ? 2 * length : length)
}

/** V8 takes two bytes per character when one of them needs it; short texts are judged by their first. */
function isTwoByte(text: string): boolean {
  return text.length > 128 ? Buffer.byteLength(text) > 1.5 * text.length : text.charCodeAt(0) > 0xff
}

function listBytes(list: readonly unknown[]): number {
  const own = 32 + 8 * list.length
  // Numbers lie in the list itself.
  if (list.every((item) => typeof item === 'number')) return own
  let bytes = own
  for (const item of list) bytes += heapBytes(item)
  return bytes
}

function objectBytes(value: object): number {
  let bytes = 32
  for (const key in value) bytes += 8 + heapBytes((value as Readonly<Record<string, unknown>>)[key])
  return bytes
}
