import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createNormal, createRandom, deriveSeed } from './random.ts'

const take = (random: () => number, count: number): number[] => Array.from({ length: count }, random)

describe('createRandom', () => {
  it('repeats for a seed and differs between seeds, however close or large', () => {
    const seeds = fc.uniqueArray(fc.maxSafeInteger(), { minLength: 2, maxLength: 2 })
    fc.assert(
      fc.property(seeds, ([one, two]) => {
        expect(take(createRandom(one!), 4)).toEqual(take(createRandom(one!), 4))
        expect(take(createRandom(one!), 4)).not.toEqual(take(createRandom(two!), 4))
      }),
    )
  })

  it('is uniform along a sequence and across first numbers of successive seeds', () => {
    const sequence = take(createRandom(7), 20_000)
    const firsts = Array.from({ length: 20_000 }, (_, seed) => createRandom(seed)())
    for (const numbers of [sequence, firsts]) {
      const counts = Array.from({ length: 20 }, () => 0)
      for (const number of numbers) counts[Math.floor(number * 20)]! += 1
      // Chi-square with 19 degrees of freedom: above 43.8 once in a thousand times.
      expect(counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(43.8)
    }
  })
})

it('createNormal has mean 0 and variance 1', () => {
  const numbers = take(createNormal(3), 20_000)
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length
  const variance = numbers.reduce((sum, number) => sum + (number - mean) ** 2, 0) / numbers.length
  expect(Math.abs(mean)).toBeLessThan(0.03)
  expect(Math.abs(variance - 1)).toBeLessThan(0.05)
})

it('deriveSeed keeps the seed for the first part and separates the others', () => {
  expect(deriveSeed(12, 0)).toBe(12)
  expect(new Set(Array.from({ length: 100 }, (_, index) => deriveSeed(12, index))).size).toBe(100)
  expect(deriveSeed(12, 1)).not.toBe(deriveSeed(13, 0))
})
