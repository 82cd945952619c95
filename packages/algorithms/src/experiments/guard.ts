import { logMeanExp } from './betting.ts'
import type { Guard } from './options.ts'

/** Watches whether a metric holds its bound. */
export interface Detector {
  /** Whether it is broken, as far as one can be sure of that. */
  add(value: number): boolean
  readonly count: number
  /** The mean of what was added. */
  readonly mean: number
}

const shares: readonly number[] = Array.from({ length: 10 }, (_, index) => 0.02 * (0.95 / 0.02) ** (index / 9))

/**
 * Tells when the mean of a metric has got worse than its bound, from the start or later on: gamblers bet on that, one more begins with each value, and
 * together they have `falseAlarmEvery` only once in so many values on average while the bound holds (an e-detector of Shiryaev and Roberts' kind:
 * Shin, Ramdas and Rinaldo, "E-detectors", NEJSDS 2023). Nothing is assumed of the distribution but its range; what is outside of it
 * counts as its end.
 */
export function createDetector({ range: [low, high], bound, side, falseAlarmEvery }: Guard): Detector {
  const logs = shares.map(() => Number.NEGATIVE_INFINITY)
  const limit = Math.log(falseAlarmEvery)
  let [count, sum] = [0, 0]
  return {
    add(value) {
      const inside = Math.min(high, Math.max(low, value))
      const worse = side === 'min' ? (bound - inside) / (high - bound) : (inside - bound) / (bound - low)
      for (const [index, share] of shares.entries()) {
        logs[index] = Math.log1p(Math.exp(logs[index]!)) + Math.log1p(share * worse)
      }
      count += 1
      sum += value
      return logMeanExp(logs) >= limit
    },
    get count() {
      return count
    },
    get mean() {
      return sum / count
    },
  }
}
