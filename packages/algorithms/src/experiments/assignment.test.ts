import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { armOf, type Weights } from './assignment.ts'

interface Golden {
  readonly experiment: string
  readonly weights: Weights
  readonly arms: Readonly<Record<string, string>>
  /** SHA-256 of the arms of the keys `0` to `9999`, each with a line end. */
  readonly first10000: string
}

// By interop/python/golden_assignments.py, which has nothing in common with this code: a service of another version or language gives the same.
const golden = JSON.parse(readFileSync(new URL('golden-assignments.json', import.meta.url), 'utf8')) as readonly Golden[]

describe('armOf', () => {
  it.each(golden)('$experiment with $weights gives what Python gives', ({ experiment, weights, arms, first10000 }) => {
    expect(Object.fromEntries(Object.keys(arms).map((key) => [key, armOf(experiment, weights, key)]))).toEqual(arms)
    const many = Array.from({ length: 10_000 }, (_, number) => `${armOf(experiment, weights, String(number))}\n`).join('')
    expect(hash('sha256', many)).toBe(first10000)
  })

  const name = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/)
  const weight = fc.double({ min: 1e-3, max: 1e3, noNaN: true })
  const weights = fc.dictionary(name, weight, { minKeys: 1, maxKeys: 5, noNullPrototype: true })
  const keys = fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 20 })
  const armsOf = (experiment: string, given: Weights, all: readonly string[]): readonly string[] =>
    all.map((key) => armOf(experiment, given, key))

  it('does not depend on the order of the arms nor on the sum of the weights', () => {
    fc.assert(
      fc.property(name, weights, keys, fc.constantFrom(0.25, 2, 1024), (experiment, given, all, factor) => {
        const turned = Object.fromEntries(Object.entries(given).toReversed())
        const scaled = Object.fromEntries(Object.entries(given).map(([arm, share]) => [arm, share * factor]))
        const arms = armsOf(experiment, given, all)
        expect(armsOf(experiment, turned, all)).toEqual(arms)
        expect(armsOf(experiment, scaled, all)).toEqual(arms)
      }),
    )
  })

  it('gives no key an arm without weight', () => {
    fc.assert(
      fc.property(name, weights, keys, name, (experiment, given, all, idle) => {
        fc.pre(!Object.hasOwn(given, idle))
        expect(armsOf(experiment, { [idle]: 0, ...given }, all)).toEqual(armsOf(experiment, given, all))
      }),
    )
  })

  it('moves keys only to an arm that is added, and away from one that is taken out', () => {
    fc.assert(
      fc.property(name, weights, keys, name, weight, (experiment, given, all, added, share) => {
        fc.pre(!Object.hasOwn(given, added))
        const before = armsOf(experiment, given, all)
        const after = armsOf(experiment, { ...given, [added]: share }, all)
        expect(after).toEqual(before.map((arm, index) => (after[index] === added ? added : arm)))
      }),
    )
  })

  it('moves keys only to the arm that gets more weight', () => {
    fc.assert(
      fc.property(
        name,
        weights,
        keys,
        fc.nat(),
        fc.double({ min: 1, max: 100, noNaN: true }),
        (experiment, given, all, nth, factor) => {
          const names = Object.keys(given)
          const grown = names[nth % names.length]!
          const before = armsOf(experiment, given, all)
          const after = armsOf(experiment, { ...given, [grown]: given[grown]! * factor }, all)
          expect(after).toEqual(before.map((arm, index) => (after[index] === grown ? grown : arm)))
        },
      ),
    )
  })

  it('leaves whoever has the candidate with it while its share grows', () => {
    fc.assert(
      fc.property(
        name,
        fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 2, maxLength: 5 }),
        keys,
        (experiment, steps, all) => {
          let had: readonly string[] = []
          for (const share of steps.toSorted((a, b) => a - b)) {
            const has = all.filter((key) => armOf(experiment, { control: 1 - share, candidate: share }, key) === 'candidate')
            expect(has).toEqual(expect.arrayContaining([...had]))
            had = has
          }
          // Not at random: at 100 % all have it.
          expect(armsOf(experiment, { control: 0, candidate: 1 }, all)).toEqual(all.map(() => 'candidate'))
        },
      ),
    )
  })

  it('draws anew for each experiment', () => {
    const all = Array.from({ length: 2_000 }, (_, number) => String(number))
    const [one, other] = ['one', 'other'].map((experiment) => armsOf(experiment, { a: 1, b: 1 }, all))
    const alike = all.filter((_, index) => one![index] === other![index]).length
    expect(alike).toBeGreaterThan(900)
    expect(alike).toBeLessThan(1_100)
  })
})
