import { describe, expect, it } from 'vitest'
import { chooseByName } from './args.ts'
import { interleave } from './interleave.ts'
import { percentile, spreadOf } from './measure.ts'
import { atLeast, atMost, constantPeer, isMet, measuredPeer, type Result, toLine } from './result.ts'
import { formatTable } from './table.ts'

const result: Result = {
  name: 'some-cost',
  unit: 'us CPU',
  better: 'lower',
  ours: spreadOf([3, 1, 2]),
  peer: measuredPeer('bare', [4, 4, 5]),
  target: atMost('ratio', 0.5),
}

describe('results', () => {
  it('take the median, and divide ours by the peer', () => {
    expect(toLine(result)).toEqual({
      scenario: 'some-cost',
      value: 2,
      unit: 'us CPU',
      peer: 'bare',
      peer_value: 4,
      ratio: 0.5,
      better: 'lower',
      target: '<= 0.5x',
    })
  })

  it('meet a target at its limit and not beyond', () => {
    expect(isMet(result)).toBe(true)
    expect(isMet({ ...result, ours: spreadOf([2.1]) })).toBe(false)
    expect(isMet({ ...result, target: atLeast('ratio', 0.5) })).toBe(true)
    expect(isMet({ ...result, target: atLeast('value', 3) })).toBe(false)
    expect(isMet({ ...result, target: null })).toBeNull()
  })

  it('miss a target of a figure that could not be had', () => {
    expect(isMet({ ...result, ours: spreadOf([]) })).toBe(false)
    expect(isMet({ ...result, peer: null })).toBe(false)
    expect(toLine({ ...result, ours: spreadOf([]) }).value).toBeNull()
  })

  it('stand aligned in the table, the missing ones too', () => {
    const table = formatTable([
      { kind: 'result', result: { ...result, ours: spreadOf([12_345]), peer: constantPeer('a figure', 1), note: 'how' } },
      { kind: 'missing', name: 'another', reason: 'not available' },
    ])
    expect(table.split('\n')).toEqual([
      'scenario            ours  min-max  unit    peer      its value  min-max    ratio   target  met',
      '---------  -------------  -------  ------  --------  ---------  -------  -------  -------  ---',
      'some-cost         12,345           us CPU  a figure          1           12,345x  <= 0.5x  NO',
      'another    not available',
      '',
      '  some-cost: how',
    ])
  })
})

describe('percentile', () => {
  it('is by nearest rank, whatever the order', () => {
    const values = Array.from({ length: 100 }, (_, index) => 99 - index)
    expect([percentile(values, 0), percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)]).toEqual([
      0, 50, 99, 99,
    ])
  })
})

describe('chooseByName', () => {
  const all = [{ name: 'a-1' }, { name: 'a-2' }, { name: 'b' }]

  it('takes all, some, or those that begin so', () => {
    expect(chooseByName(all, [])).toEqual(all)
    expect(chooseByName(all, ['b', 'a-1'])).toEqual([{ name: 'a-1' }, { name: 'b' }])
    expect(chooseByName(all, ['a-*'])).toEqual([{ name: 'a-1' }, { name: 'a-2' }])
  })

  it('refuses a name that there is not', () => {
    expect(() => chooseByName(all, ['c'])).toThrow('there is no scenario "c"; there are a-1, a-2, b')
  })
})

describe('interleave', () => {
  it('runs both sides in each round, beginning with either in turn, and throws warm-ups away', async () => {
    const order: string[] = []
    const side = (name: string) => () => order.push(name)
    const gc = globalThis.gc
    globalThis.gc = (() => undefined) as unknown as NonNullable<typeof gc>
    try {
      const samples = await interleave({ rounds: 2, warmUps: 1 }, { ours: side('ours'), peer: side('peer') })
      expect(order).toEqual(['peer', 'ours', 'ours', 'peer', 'peer', 'ours'])
      expect(samples).toEqual({ ours: [3, 6], peer: [4, 5] })
    } finally {
      globalThis.gc = gc
    }
  })
})
