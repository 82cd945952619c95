import { expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { betsFor, confidenceSequence, createBettingTest, leastValues } from './betting.ts'

const shares = betsFor(0.1)

/** Differences of two coins. */
function differences(seed: number, count: number, one: number, other: number): readonly number[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => Number(random.next() < other) - Number(random.next() < one))
}

function evidenceOf(values: readonly number[]): number {
  const test = createBettingTest(shares)
  for (const value of values) test.add(value)
  return test.evidence
}

it('has large evidence for nothing no more often than it may, looked at after each value', () => {
  for (const coin of [0.5, 0.05, 0.98]) {
    const wrong = Array.from({ length: 300 }, (_, seed) => evidenceOf(differences(seed, 1_000, coin, coin)) >= 20)
    // At most 5 % is what is proven; 300 trials of that hold fewer than 25 with 99.5 %.
    expect(wrong.filter(Boolean).length).toBeLessThan(25)
  }
})

it('finds what is there', () => {
  const found = Array.from({ length: 100 }, (_, seed) => evidenceOf(differences(seed, 711, 0.45, 0.55)) >= 40)
  expect(found.filter(Boolean).length).toBeGreaterThan(72)
})

it('needs a few values, whatever they are', () => {
  expect(evidenceOf(Array.from({ length: leastValues(40) }, () => 1))).toBeGreaterThanOrEqual(40)
  expect(evidenceOf(Array.from({ length: 5 }, () => 1))).toBeLessThan(40)
})

it('never loses all, also by the worst luck', () => {
  const test = createBettingTest(shares)
  for (let turn = 0; turn < 10_000; turn += 1) test.add(-1)
  expect(test.evidence).toBe(1)
  for (let turn = 0; turn < 10; turn += 1) test.add(1)
  expect(Number.isFinite(test.evidence)).toBe(true)
})

it('tells where the mean lies, the narrower the more is known', () => {
  const widths = [30, 300, 3_000].map((count) => {
    const [low, high] = confidenceSequence(differences(7, count, 0.4, 0.6), 0.05, shares)
    expect(low).toBeLessThan(0.2)
    expect(high).toBeGreaterThan(0.2)
    return high - low
  })
  expect(widths).toEqual(widths.toSorted((a, b) => b - a))
  expect(widths[2]).toBeLessThan(0.12)
  expect(confidenceSequence([], 0.05, shares).map((bound) => Math.round(bound))).toEqual([-1, 1])
})

it('holds the mean at every look in as many trials as it says', () => {
  const missed = Array.from({ length: 100 }, (_, seed) => {
    const values = differences(seed + 1_000, 400, 0.2, 0.3)
    return [10, 25, 50, 100, 200, 400].some((count) => {
      const [low, high] = confidenceSequence(values.slice(0, count), 0.1, shares)
      return low > 0.1 || high < 0.1
    })
  })
  expect(missed.filter(Boolean).length).toBeLessThan(18)
})
