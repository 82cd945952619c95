import { createHash } from 'node:crypto'
import type { JsonValue } from '@agl/types'
import { canonicalJson } from '../data/canonical-json.ts'
import { createRandom, type Random } from '../random.ts'

/** SHA-256 of a value of JSON in hexadecimal: equal for equal values, whatever the order of their keys. */
export function hashJson(value: JsonValue): string {
  return createHash('sha256').update(canonicalJson(value, 'a value to hash')).digest('hex')
}

/**
 * Randomness for one decision, drawn from the seed of the run and the names of the decision. No stream is shared, so that what is decided
 * does not depend on what else was decided before, in which order, or by which process.
 */
export function randomFor(seed: number, ...names: readonly (string | number)[]): Random {
  return createRandom(seedFor(seed, ...names))
}

/** A whole number of 32 bits for one use, as {@link randomFor}. */
export function seedFor(seed: number, ...names: readonly (string | number)[]): number {
  return Number.parseInt(hashJson([seed, ...names]).slice(0, 8), 16)
}
