import { createRandom } from './random.ts'

/** A mean with its 95 % interval. */
export interface Estimate {
  readonly mean: number
  readonly low: number
  readonly high: number
  /** Number of values. */
  readonly count: number
}

/** 97.5 % point of the normal distribution. */
const z = 1.959964

/**
 * Mean and 95 % interval. Where every value is 0 or 1 the interval is Wilson's (E. B. Wilson, JASA 1927), which stays
 * inside [0, 1] and is honest near its ends; otherwise Student's t: of few values little is known.
 */
export function estimateMean(values: readonly number[]): Estimate {
  const count = values.length
  const mean = sum(values) / count
  if (count === 0) return { mean: Number.NaN, low: Number.NaN, high: Number.NaN, count }
  if (values.every((value) => value === 0 || value === 1)) {
    const centre = (mean + z ** 2 / (2 * count)) / (1 + z ** 2 / count)
    const half = (z / (1 + z ** 2 / count)) * Math.sqrt((mean * (1 - mean)) / count + z ** 2 / (4 * count ** 2))
    return { mean, low: Math.max(0, centre - half), high: Math.min(1, centre + half), count }
  }
  if (count < 2) return { mean, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, count }
  const half = studentQuantile(0.975, count - 1) * standardError(values, mean)
  return { mean, low: mean - half, high: mean + half, count }
}

/** What {@link estimateGain} is for. */
export interface GainOptions {
  /** How many candidates `after` was picked from as the best: the interval is widened for that (Bonferroni). Default 1. */
  readonly candidates?: number
}

/**
 * Mean difference `after − before` over the same tasks in the same order, with its 95 % interval: what two runs share (easy
 * tasks, hard tasks) cancels out. Student's t on the differences, with two pseudo-pairs added (half a win, half a loss, one
 * tie of the largest size seen; Agresti and Min, Statistics in Medicine 2005), so that a few lucky pairs that all agree do
 * not make a sure thing.
 */
export function estimateGain(
  before: readonly number[],
  after: readonly number[],
  { candidates = 1 }: GainOptions = {},
): Estimate {
  if (before.length !== after.length) {
    throw new RangeError(`Paired scores must be of one length; got ${before.length} and ${after.length}.`)
  }
  const differences = after.map((value, index) => value - before[index]!)
  const count = differences.length
  if (count === 0) return { mean: Number.NaN, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, count }
  const largest = Math.max(...differences.map(Math.abs))
  const total = sum(differences)
  const squares = sum(differences.map((value) => value ** 2)) + largest ** 2
  const [pairs, centre] = [count + 2, total / (count + 2)]
  const variance = Math.max(0, squares / pairs - centre ** 2) * (pairs / (pairs - 1))
  const half = studentQuantile(1 - 0.025 / candidates, pairs - 1) * Math.sqrt(variance / pairs)
  return { mean: total / count, low: centre - half, high: centre + half, count }
}

const resamples = 1_000

/**
 * Mean difference `after − before` of two groups that share nothing, with its 95 % interval by the percentiles of 1,000 bootstrap
 * samples (Efron 1979): no shape of the values is assumed, such as costs and latencies do not have.
 */
export function bootstrapDifference(before: readonly number[], after: readonly number[], seed: number): Estimate {
  const count = Math.min(before.length, after.length)
  const mean = sum(after) / after.length - sum(before) / before.length
  if (count < 2) return { mean, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, count }
  const random = createRandom(seed)
  const draw = (values: readonly number[]): number => {
    let total = 0
    for (let index = 0; index < values.length; index += 1) total += values[random.below(values.length)]!
    return total / values.length
  }
  const means = Array.from({ length: resamples }, () => draw(after) - draw(before)).toSorted((a, b) => a - b)
  const at = (probability: number): number => means[Math.round(probability * (resamples - 1))]!
  return { mean, low: at(0.025), high: at(0.975), count }
}

/** The scores of the tasks that both have one for; null or undefined = none. */
export function pairsOf(
  before: readonly (number | null | undefined)[],
  after: readonly (number | null | undefined)[],
): readonly [number[], number[]] {
  const ones: number[] = []
  const others: number[] = []
  for (const [task, one] of before.entries()) {
    const other = after[task]
    if (typeof one !== 'number' || typeof other !== 'number') continue
    ones.push(one)
    others.push(other)
  }
  return [ones, others]
}

/** Student's t by the expansion of Cornish and Fisher (Abramowitz and Stegun 26.7.5); within 1 % for 5 or more degrees. */
function studentQuantile(probability: number, degrees: number): number {
  const x = normalQuantile(probability)
  const g1 = (x ** 3 + x) / 4
  const g2 = (5 * x ** 5 + 16 * x ** 3 + 3 * x) / 96
  const g3 = (3 * x ** 7 + 19 * x ** 5 + 17 * x ** 3 - 15 * x) / 384
  return x + g1 / degrees + g2 / degrees ** 2 + g3 / degrees ** 3
}

/** Abramowitz and Stegun 26.2.23; absolute error below 4.5e-4. For probabilities above one half. */
export function normalQuantile(probability: number): number {
  const t = Math.sqrt(-2 * Math.log(1 - probability))
  const numerator = 2.515517 + 0.802853 * t + 0.010328 * t ** 2
  return t - numerator / (1 + 1.432788 * t + 0.189269 * t ** 2 + 0.001308 * t ** 3)
}

function standardError(values: readonly number[], mean: number): number {
  const variance = sum(values.map((value) => (value - mean) ** 2)) / (values.length - 1)
  return Math.sqrt(variance / values.length)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
