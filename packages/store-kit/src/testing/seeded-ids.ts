import { createIds, type Ids, seededRandom } from '../ids.ts'

/** Ids that are the same in each run, in the order in which they are asked for. @param seed an integer; default 1 */
export function createSeededIds(seed: number = 1): Ids {
  return createIds({ random: seededRandom(seed) })
}
