import { type AttributeValue, isAttributeValue, resourceAttributes } from '@agl/types'

/**
 * A value of an attribute as OTLP has it: bytes are hex text, integers beyond 2^53 their decimal digits, and a value that
 * is not set null.
 */
export type OtlpValue = AttributeValue | null | readonly OtlpValue[] | { readonly [key: string]: OtlpValue }

export type OtlpAttributes = Record<string, AttributeValue>

/** Lists and maps in each other. Far above what anybody sends, and safely within the stack; the reference stops at about 50. */
const maxDepth = 32

/** For each list and map, before what it holds is read. @param depth the lists and maps that hold it */
export function checkDepth(depth: number): void {
  if (depth === maxDepth) throw new Error(`lists and maps are nested deeper than ${maxDepth} levels`)
}

const attribution: ReadonlySet<string> = new Set([
  resourceAttributes.rolloutId,
  resourceAttributes.attemptId,
  resourceAttributes.spanSequenceId,
])

/**
 * Sets an attribute; of two with one key the last holds. What a span cannot hold (null, a map, a mixed or nested list)
 * becomes JSON text, as in a span that was recorded in this process. An attribution that is null counts as none.
 */
export function setAttribute(attributes: OtlpAttributes, key: string, value: OtlpValue): void {
  if (value === null && attribution.has(key)) return
  setOwn(attributes, key, isAttributeValue(value) ? value : JSON.stringify(value))
}

/** An assignment that takes every key for a key. */
export function setOwn<Value>(target: Record<string, Value>, key: string, value: Value): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else target[key] = value
}

/** An integer of 64 bits: a number where that is exact, its decimal digits beyond 2^53. */
export function integerValue(value: bigint): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}
