import { describe, expect, it } from 'vitest'
import { tokenLoss } from './loss.ts'

const clip = { clipLow: 0.2, clipHigh: 0.3 }
const at = (kind: 'importance_sampling' | 'ppo', ratio: number, advantage: number): readonly [loss: number, slope: number] => {
  const datum = { tokens: [0, 1], advantages: [0, advantage], logprobs: [0, -2] }
  const { loss, slope } = tokenLoss({ kind, ...clip }, datum, 1, Math.log(ratio) - 2)
  return [loss, slope]
}
const close = (...values: readonly number[]): unknown[] => values.map((value) => expect.closeTo(value, 9))

describe('tokenLoss', () => {
  it('of cross_entropy is the weighted negative log-probability', () => {
    const datum = { tokens: [0, 1, 2], weights: [9, 0, 0.5] }
    expect(tokenLoss({ kind: 'cross_entropy', ...clip }, datum, 2, -3)).toEqual({ loss: 1.5, slope: 0.5 })
    expect(tokenLoss({ kind: 'cross_entropy', ...clip }, datum, 1, -3)).toEqual({ loss: 0, slope: 0 })
  })

  it('of importance_sampling is the advantage times the ratio', () => {
    expect(at('importance_sampling', 2, 0.5)).toEqual(close(-1, 1))
    expect(at('importance_sampling', 2, -0.5)).toEqual(close(1, -1))
  })

  it('of ppo takes the worse of ratio and clipped ratio, which ends the pull but never the push back', () => {
    expect(at('ppo', 1.1, 1)).toEqual(close(-1.1, 1.1))
    expect(at('ppo', 2, 1)).toEqual(close(-1.3, 0))
    expect(at('ppo', 0.5, 1)).toEqual(close(-0.5, 0.5))
    expect(at('ppo', 0.5, -1)).toEqual(close(0.8, 0))
    expect(at('ppo', 2, -1)).toEqual(close(2, -2))
  })
})
