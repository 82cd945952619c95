import { estimateMean } from '@agl/algorithms'
import type { Spread } from './measure.ts'

/** So many per cent of all, and the 95 % interval of that where others show the least and the most. */
export function shareOf(count: number, total: number): Spread {
  const { mean, low, high } = estimateMean(Array.from({ length: total }, (_, index) => (index < count ? 1 : 0)))
  return { median: 100 * mean, min: 100 * low, max: 100 * high }
}
