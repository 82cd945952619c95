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
  const purses = shares.map(() => 1)
  let evidence = 1
  return {
    add(value) {
      for (const [index, share] of shares.entries()) purses[index]! *= 1 + share * value
      evidence = Math.max(evidence, meanOf(purses))
    },
    get evidence() {
      return evidence
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
 * has never refuted, each side with α/2.
 */
export function confidenceSequence(
  values: readonly number[],
  alpha: number,
  shares: readonly number[],
): readonly [number, number] {
  const negated = values.map((value) => -value)
  return [lowerBound(values, alpha / 2, shares), -lowerBound(negated, alpha / 2, shares)]
}

/** By halving: the more is claimed of the mean, the less evidence there is for it. */
function lowerBound(values: readonly number[], alpha: number, shares: readonly number[]): number {
  let [refuted, possible] = [-1, 1]
  const steps = 20
  for (let step = 0; step < steps; step += 1) {
    const mean = (refuted + possible) / 2
    if (isAbove(values, mean, 1 / alpha, shares)) refuted = mean
    else possible = mean
  }
  return refuted
}

/** Whether there was ever so much evidence for a mean above this one. */
function isAbove(values: readonly number[], mean: number, evidence: number, shares: readonly number[]): boolean {
  const purses = shares.map(() => 1)
  // With a smaller share for a larger claim the gambler can never lose more than he has.
  const bets = shares.map((share) => share / (1 + mean))
  return values.some((value) => {
    for (const [index, bet] of bets.entries()) purses[index]! *= 1 + bet * (value - mean)
    return meanOf(purses) >= evidence
  })
}

function meanOf(values: readonly number[]): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}
