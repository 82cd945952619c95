import { AglError, describeValue, parseOrThrow } from '@agl/types'
import { z } from 'zod'

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

const optionsSchema = z.strictObject({
  random: z.custom<RandomSource>((value) => typeof value === 'function', { error: 'expected a function' }).optional(),
})

/** More draws than this without a character mean that the source gives always the same. */
const mostDraws = 10_000
/** The same for ids; a seeded store that is opened again passes over all that it drew before. */
const mostIds = 5_000_000

function unusable(problem: string): AglError {
  return new AglError({
    code: 'invalid_argument',
    message: `The \`random\` of the ids must fill a Uint8Array of the length asked with random bytes; ${problem}.`,
    data: { field: 'random' },
  })
}

/**
 * Draws an id that nothing has yet: a seeded store that was filled from another one may have both draw the same.
 * @throws AglError `invalid_argument` for a source of bits that repeats itself
 */
export function drawFreeId(draw: () => string, isTaken: (id: string) => boolean): string {
  for (let draws = 0; draws < mostIds; draws++) {
    const id = draw()
    if (!isTaken(id)) return id
  }
  throw unusable(`${mostIds} draws gave ids that are there already`)
}

/** @param options.random where the bits come from; default: the system's cryptographic source, read in blocks */
export function createIds(options: { readonly random?: RandomSource } = {}): Ids {
  parseOrThrow(optionsSchema, options, 'options of createIds')
  const random: RandomSource = options.random ?? ((bytes) => globalThis.crypto.getRandomValues(new Uint8Array(bytes)))
  let pool = new Uint8Array()
  let position = 0
  const fill = (): void => {
    const bytes: unknown = random(poolBytes)
    if (!(bytes instanceof Uint8Array)) throw unusable(`it gave ${describeValue(bytes)}`)
    if (bytes.length !== poolBytes) throw unusable(`it gave ${bytes.length} bytes instead of ${poolBytes}`)
    pool = new Uint8Array(bytes)
    position = 0
  }
  const twoCharacters = (): string => {
    for (let draws = 0; ; draws++) {
      if (draws === mostDraws) throw unusable('its bytes are all alike')
      if (position === pool.length) fill()
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
