import type { Guard } from './options.ts'

/** Watches whether a metric holds its bound. */
export interface Detector {
  /** Whether it is broken, as far as one can be sure of that. */
  add(value: number): boolean
  /** Values since the mean was last on the good side of the bound: what came before says nothing of how bad it is now. */
  readonly count: number
  /** Of these values. */
  readonly mean: number
}

const shares: readonly number[] = Array.from({ length: 10 }, (_, index) => 0.02 * (0.95 / 0.02) ** (index / 9))

/**
 * Tells when the mean of a metric has got worse than its bound, from the start or later on: gamblers bet on that, one more begins with each value, and
 * together they have `falseAlarmEvery` only once in so many values on average while the bound holds (an e-detector of Shiryaev and Roberts' kind:
 * Shin, Ramdas and Rinaldo, "E-detectors", NEJSDS 2023). Nothing is assumed of the distribution but its range; what is outside of it
 * counts as its end, and what is no number as the worst: nothing could be told after it.
 */
export function createDetector({ range: [low, high], bound, side, falseAlarmEvery }: Guard): Detector {
  const purses = shares.map(() => 0)
  // Page's cumulative sum: as soon as what was added is on the good side of the bound, it begins anew.
  let [count, sum, debt] = [0, 0, 0]
  return {
    add(value) {
      const worst = side === 'min' ? low : high
      const inside = Number.isNaN(value) ? worst : Math.min(high, Math.max(low, value))
      const worse = side === 'min' ? (bound - inside) / (high - bound) : (inside - bound) / (bound - low)
      for (const [index, share] of shares.entries()) {
        purses[index] = (purses[index]! + 1) * (1 + share * worse)
      }
      if (debt < 0) [count, sum, debt] = [0, 0, 0]
      count += 1
      sum += Number.isNaN(value) ? worst : value
      debt += worse
      return purses.reduce((all, purse) => all + purse, 0) / purses.length >= falseAlarmEvery
    },
    get count() {
      return count
    },
    get mean() {
      return sum / count
    },
  }
}
