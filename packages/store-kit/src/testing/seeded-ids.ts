import { parseOrThrow } from '@agl/types'
import { z } from 'zod'
import { createIds, type Ids, seededRandom } from '../ids.ts'

/** Ids that are the same in each run, in the order in which they are asked for. @param seed an integer of 32 bits; default 1 */
export function createSeededIds(seed: number = 1): Ids {
  parseOrThrow(
    z
      .int()
      .min(-(2 ** 31))
      .max(2 ** 32 - 1),
    seed,
    'seed of createSeededIds',
  )
  return createIds({ random: seededRandom(seed) })
}
