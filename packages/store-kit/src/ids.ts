/** Fills an array of the length asked with random bytes. */
export type RandomSource = (bytes: number) => Uint8Array

/** Makes the ids of a store's records. */
export interface Ids {
  /** `ro-` and 16 base-36 characters (82 bits). */
  rolloutId(): string
  /** `at-` and 16 base-36 characters (82 bits). */
  attemptId(): string
  /** `rs-` and 12 base-36 characters; clients of the reference check the length. */
  resourcesId(): string
}

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz'
/** Two characters at a time: 36 * 36. */
const pairs: readonly string[] = Array.from(alphabet, (first) => Array.from(alphabet, (second) => first + second)).flat()
/** 50 * 1296 = 64,800: draws of 16 bits above would make the first pairs likelier. */
const fairDraws = 64_800
const poolBytes = 4096

/** @param options.random where the bits come from; default: the system's cryptographic source, read in blocks */
export function createIds(options: { readonly random?: RandomSource } = {}): Ids {
  const random = options.random ?? ((bytes) => globalThis.crypto.getRandomValues(new Uint8Array(bytes)))
  let pool = new Uint8Array()
  let position = 0
  const twoCharacters = (): string => {
    for (;;) {
      if (position === pool.length) {
        pool = new Uint8Array(random(poolBytes))
        position = 0
      }
      const draw = pool[position]! * 256 + pool[position + 1]!
      position += 2
      if (draw < fairDraws) return pairs[draw % pairs.length]!
    }
  }
  /** @param count even */
  const characters = (count: number): string => {
    let text = ''
    for (let length = 0; length < count; length += 2) text += twoCharacters()
    return text
  }
  return Object.freeze({
    rolloutId: () => `ro-${characters(16)}`,
    attemptId: () => `at-${characters(16)}`,
    resourcesId: () => `rs-${characters(12)}`,
  })
}

/** A repeatable random source (SplitMix32), for tests and seeded runs; not for secrets. */
export function seededRandom(seed: number): RandomSource {
  let state = seed | 0
  return (bytes) => {
    const result = new Uint8Array(bytes)
    for (let index = 0; index < bytes; index++) {
      state = (state + 0x9e3779b9) | 0
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
      result[index] = (mixed ^ (mixed >>> 15)) & 0xff
    }
    return result
  }
}
