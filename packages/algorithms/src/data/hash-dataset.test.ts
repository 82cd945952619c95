import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from './canonical-json.ts'
import { hashDataset } from './hash-dataset.ts'

/** The same value with the keys of every object the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, item]) => [key, reversed(item)]),
  )
}

describe('canonicalJson', () => {
  it('writes a value as RFC 8785 does', () => {
    // After the example of its section 3.2.2.
    const value = {
      numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001, -0],
      string: '€$\u000F\nA\'B"\\',
      literals: [null, true, false],
    }
    expect(canonicalJson(value, 'it')).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0],"string":"€$\\u000f\\nA\'B\\"\\\\"}',
    )
    expect(canonicalJson({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }, 'it')).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
    )
  })

  it('keeps every value, and none of the order of its keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value, 'it')
        expect(canonicalJson(reversed(value), 'it')).toBe(text)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})

describe('hashDataset', () => {
  it('is the hash of the canonical lines, so that others can compute it', () => {
    const hash = createHash('sha256').update('{"a":1,"b":[2]}\n"x"\n').digest('hex')
    expect(hashDataset([{ b: [2], a: 1 }, 'x'])).toBe(`sha256:${hash}`)
    expect(hashDataset({ length: 2, 0: { a: 1, b: [2] }, 1: 'x' })).toBe(`sha256:${hash}`)
  })

  it('tells tasks, and their order, from one another', () => {
    const datasets = [[], [1], [1, 2], [2, 1], [[1, 2]], ['1', 2], [{ a: 1 }], [{ a: '1' }], [null]]
    expect(new Set(datasets.map(hashDataset)).size).toBe(datasets.length)
  })

  it('refuses what is no JSON', () => {
    expect(() => hashDataset([1, { a: undefined }])).toThrow('Expected task 1 to be JSON; .a is undefined.')
  })
})
