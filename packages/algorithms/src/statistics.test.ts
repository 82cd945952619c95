import { describe, expect, it } from 'vitest'
import { createRandom } from './random.ts'
import { estimateGain, estimateMean } from './statistics.ts'

describe('estimateMean', () => {
  it("gives Wilson's interval for zeros and ones (10 of 20: 0.299 to 0.701)", () => {
    const { mean, low, high } = estimateMean([...Array(10).fill(1), ...Array(10).fill(0)])
    expect(mean).toBe(0.5)
    expect(low).toBeCloseTo(0.299, 3)
    expect(high).toBeCloseTo(0.701, 3)
  })

  it('stays inside [0, 1] at the ends and is never sure of 20 of 20', () => {
    const { low, high } = estimateMean(Array(20).fill(1))
    expect(high).toBeCloseTo(1, 10)
    expect(low).toBeCloseTo(0.839, 3)
  })

  it('covers the true mean about 95 times in 100', () => {
    const random = createRandom(1)
    let covered = 0
    for (let run = 0; run < 1000; run += 1) {
      const { low, high } = estimateMean(Array.from({ length: 100 }, () => (random.next() < 0.3 ? 1 : 0)))
      if (low <= 0.3 && 0.3 <= high) covered += 1
    }
    expect(covered).toBeGreaterThan(925)
    expect(covered).toBeLessThan(975)
  })

  it.each([5, 10, 30])('covers the true mean about 95 times in 100 also with %i values that are no zeros and ones', (count) => {
    const random = createRandom(count)
    const runs = 4_000
    let covered = 0
    for (let run = 0; run < runs; run += 1) {
      const { low, high } = estimateMean(Array.from({ length: count }, () => random.next()))
      if (low <= 0.5 && 0.5 <= high) covered += 1
    }
    expect(covered / runs).toBeGreaterThan(0.93)
    expect(covered / runs).toBeLessThan(0.97)
  })
})

describe('estimateGain', () => {
  it('is paired: what both runs share cancels out', () => {
    const apart = [0, 10, 20, 30]
    const alike = [0, 0, 0, 0]
    const plusOne = (scores: readonly number[]): number[] => scores.map((value) => value + 1)
    expect(estimateGain(apart, plusOne(apart))).toEqual(estimateGain(alike, plusOne(alike)))
    expect(estimateGain(apart, plusOne(apart)).mean).toBe(1)
  })

  it('is not sure of a few pairs, however they agree', () => {
    expect(estimateGain([0, 0], [1, 1]).low).toBeLessThan(0)
    expect(estimateGain([0], [1]).low).toBeLessThan(0)
    expect(estimateGain([], []).low).toBe(Number.NEGATIVE_INFINITY)
    expect(estimateGain(Array(20).fill(0), Array(20).fill(1)).low).toBeGreaterThan(0.5)
  })

  it('finds no gain between two equal coins in about 95 of 100 comparisons', () => {
    const random = createRandom(2)
    const coins = (): number[] => Array.from({ length: 200 }, () => random.below(2))
    let wrong = 0
    for (let run = 0; run < 500; run += 1) {
      const { low, high } = estimateGain(coins(), coins())
      if (low > 0 || high < 0) wrong += 1
    }
    expect(wrong).toBeGreaterThan(8)
    expect(wrong).toBeLessThan(45)
  })

  it.each([8, 16, 64, 256])('promotes the best of 4 equal candidates in at most 3 of 100 runs with %i tasks', (tasks) => {
    const random = createRandom(tasks)
    const scores = (): number[] => Array.from({ length: tasks }, () => (random.next() < 0.3 ? 1 : 0))
    let promoted = 0
    for (let run = 0; run < 1000; run += 1) {
      const before = scores()
      const gains = Array.from({ length: 4 }, () => estimateGain(before, scores(), { candidates: 4 }))
      const best = gains.reduce((leader, gain) => (gain.mean > leader.mean ? gain : leader))
      if (best.low > 0) promoted += 1
    }
    expect(promoted).toBeLessThan(40)
  })

  it('finds a true gain from 0.3 to 0.5 on 256 tasks almost always', () => {
    const random = createRandom(3)
    const scores = (chance: number): number[] => Array.from({ length: 256 }, () => (random.next() < chance ? 1 : 0))
    let found = 0
    for (let run = 0; run < 200; run += 1) {
      if (estimateGain(scores(0.3), scores(0.5), { candidates: 4 }).low > 0) found += 1
    }
    expect(found).toBeGreaterThan(185)
  })

  it('refuses lists of different lengths', () => {
    expect(() => estimateGain([1], [1, 2])).toThrow(/one length/)
  })
})
