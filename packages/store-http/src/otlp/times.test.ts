import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { secondsOfNanos } from './times.ts'

function decode(nanos: bigint): number | null {
  return secondsOfNanos(Number(nanos & 0xffffffffn), Number(nanos >> 32n))
}

describe('secondsOfNanos', () => {
  it('gives the number that the pair of an SDK gives, to the last bit', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 10n ** 12n + 1n, max: 2n ** 64n - 1n }), (nanos) => {
        const [seconds, rest] = [nanos / 1_000_000_000n, nanos % 1_000_000_000n]
        expect(decode(nanos)).toBe(Number(seconds) + Number(rest) / 1e9)
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([0n, 1n, 999_999_999n, 1_000_000_000n])('is right on either side of a whole second, by %d ns', (rest) => {
    for (let seconds = 1_731_672_000n; seconds < 1_731_672_200n; seconds++) {
      expect(decode(seconds * 1_000_000_000n + rest)).toBe(Number(seconds) + Number(rest) / 1e9)
    }
  })

  it('takes small counts for seconds, and 0 for no time', () => {
    expect(decode(0n)).toBeNull()
    expect(decode(1_731_672_000n)).toBe(1_731_672_000)
    expect(decode(10n ** 12n)).toBe(1e12)
    expect(decode(10n ** 12n + 1n)).toBe(1000.000000001)
  })
})
