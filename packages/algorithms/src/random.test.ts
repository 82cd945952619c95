import { describe, expect, it } from 'vitest'
import { createRandom } from './random.ts'

describe('createRandom', () => {
  it('repeats for a seed and differs between seeds', () => {
    const draw = (seed: number): number[] => Array.from({ length: 5 }, createRandom(seed).next)
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })

  it('is even: chi-square over 20 bins of 100,000 draws, for neighbouring seeds too', () => {
    for (const seed of [0, 1, 2]) {
      const random = createRandom(seed)
      const bins = Array<number>(20).fill(0)
      for (let draw = 0; draw < 100_000; draw += 1) bins[random.below(20)]! += 1
      const chiSquare = bins.reduce((total, count) => total + (count - 5000) ** 2 / 5000, 0)
      // 99.9 % point for 19 degrees of freedom.
      expect(chiSquare).toBeLessThan(43.8)
    }
  })

  it('shuffles a copy without losing anything', () => {
    const items = [1, 2, 3, 4, 5, 6, 7, 8]
    const shuffled = createRandom(3).shuffle(items)
    expect(items).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(shuffled).not.toEqual(items)
    expect(shuffled.toSorted()).toEqual(items)
  })
})
