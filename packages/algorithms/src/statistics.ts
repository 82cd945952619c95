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
 * inside [0, 1] and is honest near its ends; otherwise mean ± 1.96 standard errors.
 */
export function estimateMean(values: readonly number[]): Estimate {
  const count = values.length
  const mean = sum(values) / count
  if (count === 0) return { mean: Number.NaN, low: Number.NaN, high: Number.NaN, count }
  if (values.every((value) => value === 0 || value === 1)) {
    const centre = (mean + z ** 2 / (2 * count)) / (1 + z ** 2 / count)
    const half = (z / (1 + z ** 2 / count)) * Math.sqrt((mean * (1 - mean)) / count + z ** 2 / (4 * count ** 2))
    return { mean, low: centre - half, high: centre + half, count }
  }
  const half = z * standardError(values, mean)
  return { mean, low: mean - half, high: mean + half, count }
}

/**
 * Mean difference `after − before` over the same tasks in the same order, with its 95 % interval from the differences:
 * what two runs share (easy tasks, hard tasks) cancels out.
 */
export function estimateGain(before: readonly number[], after: readonly number[]): Estimate {
  if (before.length !== after.length)
    throw new RangeError(`Paired scores must be of one length; got ${before.length} and ${after.length}.`)
  const differences = after.map((value, index) => value - before[index]!)
  const mean = sum(differences) / differences.length
  const half = z * standardError(differences, mean)
  return { mean, low: mean - half, high: mean + half, count: differences.length }
}

function standardError(values: readonly number[], mean: number): number {
  if (values.length < 2) return Number.POSITIVE_INFINITY
  const variance = sum(values.map((value) => (value - mean) ** 2)) / (values.length - 1)
  return Math.sqrt(variance / values.length)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
