/** One-sided evidence that grows with each value and may be looked at after each. */
export interface BettingTest {
  /** @param value in [-1, 1] */
  add(value: number): void
  /** The most that a gambler who bets on a mean above zero has had for each unit he began with. */
  readonly evidence: number
}

/**
 * A test that the mean of values in [-1, 1] is above zero which may be looked at after every value: a gambler bets a share of what he has
 * on each, so that he gains nothing on average while the mean is zero or less, and the chance that he ever has 1/α times what he began
 * with is at most α (Ville's inequality; Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86,
 * 2024). No number of values is needed first, and nothing is assumed of their distribution. He divides his money over several shares
 * and lets each run, since nobody knows the best one beforehand.
 * @param shares see {@link betsFor}
 */
export function createBettingTest(shares: readonly number[]): BettingTest {
  const logs = shares.map(() => 0)
  let best = 0
  return {
    add(value) {
      for (const [index, share] of shares.entries()) logs[index]! += Math.log1p(share * value)
      best = Math.max(best, logMeanExp(logs))
    },
    get evidence() {
      return Math.exp(best)
    },
  }
}

const bets = 10
/** Of a share; with all of it one unlucky value would end the test. */
const largestShare = 0.95

/**
 * The shares to bet when the mean is expected to be no less than `expected`, of values in [-1, 1]: from a third of the share that is best
 * when they vary as much as differences of two coins do (variance one half) up to nearly all, for those that vary little.
 */
export function betsFor(expected: number): readonly number[] {
  const least = Math.min(largestShare, expected / (0.5 + expected ** 2) / 3)
  return Array.from({ length: bets }, (_, index) => least * (largestShare / least) ** (index / (bets - 1)))
}

/** With fewer values no evidence is so large, if all of them are 1. */
export function leastValues(evidence: number): number {
  return Math.ceil(Math.log(evidence * bets) / Math.log1p(largestShare))
}

/**
 * Where the mean of values in [-1, 1] lies with a chance of at least 1 − α, however often and whenever one looks: what {@link createBettingTest}
 * would not have refuted, each side with α/2.
 */
export function confidenceSequence(
  values: readonly number[],
  alpha: number,
  shares: readonly number[],
): readonly [number, number] {
  const low = lowerBound(values, alpha / 2, shares)
  const high = -lowerBound(
    values.map((value) => -value),
    alpha / 2,
    shares,
  )
  return [low, high]
}

/** By halving: the more is claimed of the mean, the less evidence there is for it. */
function lowerBound(values: readonly number[], alpha: number, shares: readonly number[]): number {
  let [refuted, possible] = [-1, 1]
  const limit = Math.log(1 / alpha)
  const steps = 20
  for (let step = 0; step < steps; step += 1) {
    const mean = (refuted + possible) / 2
    // With a smaller share for a larger claim the gambler can never lose more than he has.
    const logs = shares.map((share) => values.reduce((sum, value) => sum + Math.log1p((share * (value - mean)) / (1 + mean)), 0))
    if (logMeanExp(logs) >= limit) refuted = mean
    else possible = mean
  }
  return refuted
}

export function logMeanExp(logs: readonly number[]): number {
  const largest = Math.max(...logs)
  return largest + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - largest), 0) / logs.length)
}
