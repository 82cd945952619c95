import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attributesUnder, flattenAttributes, unflattenAttributes } from './flatten.ts'

describe('flattenAttributes', () => {
  it.each([
    [{ a: { b: [{ c: 1 }] } }, { 'a.b.0.c': 1 }],
    [{ labels: ['x', 'y'] }, { labels: ['x', 'y'] }],
    [{ mixed: [1, 'a'] }, { 'mixed.0': 1, 'mixed.1': 'a' }],
    [{ numbers: [1, 0.5] }, { numbers: [1, 0.5] }],
    [{ nested: [[1], [2]] }, { 'nested.0': [1], 'nested.1': [2] }],
    [{ empty: [], none: {}, missing: undefined, zero: 0 }, { zero: 0 }],
    [
      { when: new Date(0), big: 5n, huge: 2n ** 60n },
      { when: '1970-01-01T00:00:00.000Z', big: 5, huge: '1152921504606846976' },
    ],
  ])('writes %o', (value, expected) => {
    expect(flattenAttributes(value)).toEqual(expected)
  })

  it('puts a prefix before every key, and before a bare value', () => {
    expect(flattenAttributes({ a: 1 }, { prefix: 'p' })).toEqual({ 'p.a': 1 })
    expect(flattenAttributes('text', { prefix: 'p' })).toEqual({ p: 'text' })
  })

  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  it.each([
    ['null', { x: null }],
    ['a function', { x: () => 1 }],
    ['an instance of Map', { x: new Map() }],
    ['part of itself', cycle],
    ['an instance of Date', { x: new Date(Number.NaN) }],
  ])('refuses %s, and writes it as text when told to', (_, value) => {
    expect(() => flattenAttributes(value)).toThrow(/has no place in a span/)
    const texts = Object.values(flattenAttributes(value, { other: 'text' }))
    expect(texts).toHaveLength(1)
    expect(typeof texts[0]).toBe('string')
  })

  it('does not overflow on a value that is nested without end', () => {
    let deep: unknown = 1
    for (let level = 0; level < 100_000; level++) deep = [deep]
    expect(() => flattenAttributes({ deep })).toThrow(/nested too deep/)
  })
})

describe('unflattenAttributes', () => {
  const name = fc.stringMatching(/^[a-z]{1,3}$/)
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { minLength: 1, maxLength: 3 }))
  const nested = fc.letrec((tie) => ({
    map: fc.dictionary(name, fc.oneof({ maxDepth: 3 }, leaf, tie('map'), tie('list')), { minKeys: 1, maxKeys: 3 }),
    list: fc.array(tie('map'), { minLength: 1, maxLength: 3 }),
  })).map

  it('gives back what was flattened', () => {
    fc.assert(
      fc.property(nested, (value) => {
        expect(unflattenAttributes(flattenAttributes(value))).toEqual(value)
      }),
    )
  })

  it('makes a list only of keys from 0 without a gap', () => {
    expect(unflattenAttributes({ 'a.0': 'x', 'a.1': 'y' })).toEqual({ a: ['x', 'y'] })
    expect(unflattenAttributes({ 'a.0': 'x', 'a.2': 'y' })).toEqual({ a: { 0: 'x', 2: 'y' } })
    expect(unflattenAttributes({ 'a.00': 'x' })).toEqual({ a: { '00': 'x' } })
  })

  it('lets keys below win over a value, in either order', () => {
    expect(unflattenAttributes({ a: 1, 'a.b': 2 })).toEqual({ a: { b: 2 } })
    expect(unflattenAttributes({ 'a.b': 2, a: 1 })).toEqual({ a: { b: 2 } })
  })

  it('touches no prototype and survives a key of many dots', () => {
    const made = unflattenAttributes({ '__proto__.polluted': true })
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(Object.keys(made as object)).toEqual(['__proto__'])
    expect(() => unflattenAttributes({ ['.'.repeat(100_000)]: 1 })).not.toThrow()
  })
})

it('attributesUnder gives the keys below a prefix', () => {
  expect(attributesUnder({ 'a.b': 1, 'a.c.d': 2, ab: 3 }, 'a')).toEqual({ b: 1, 'c.d': 2 })
})
