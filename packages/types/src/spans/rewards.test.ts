import { describe, expect, it } from 'vitest'
import { findFinalReward, readReward, readRewardDimensions, rewardToAttributes } from './rewards.ts'

const span = (attributes: Record<string, string | number>) => ({ attributes })

describe('rewardToAttributes', () => {
  it('writes a number as the dimension "primary"', () => {
    expect(rewardToAttributes(0.5)).toEqual({ 'agentlightning.reward.0.name': 'primary', 'agentlightning.reward.0.value': 0.5 })
  })

  it('puts the primary dimension first whatever the order of the object', () => {
    expect(readRewardDimensions(span(rewardToAttributes({ speed: 2, accuracy: 1 }, { primary: 'accuracy' })))).toEqual([
      { name: 'accuracy', value: 1 },
      { name: 'speed', value: 2 },
    ])
  })

  it('writes links', () => {
    expect(rewardToAttributes(1, { links: { 'gen_ai.response.id': 'r-1' } })).toMatchObject({
      'agentlightning.link.0.key_match': 'gen_ai.response.id',
      'agentlightning.link.0.value_match': 'r-1',
    })
  })

  it.each([[Number.NaN], [Number.POSITIVE_INFINITY], ['1' as unknown as number], [{ a: 1, b: 2 }], [{}]])(
    'refuses %j',
    (value) => {
      expect(() => rewardToAttributes(value)).toThrow(/reward/)
    },
  )

  it('refuses a primary dimension that is not there', () => {
    expect(() => rewardToAttributes({ a: 1 }, { primary: 'b' })).toThrow(/got b/)
  })
})

describe('reading rewards', () => {
  it('is not disturbed by foreign or malformed keys', () => {
    expect(
      readReward(span({ 'agentlightning.rewards': 1, 'agentlightning.reward': 2, 'agentlightning.reward.x.value': 3 })),
    ).toBeNull()
    expect(readReward(span({ 'agentlightning.reward.0.value': 3 }))).toBeNull()
    expect(readReward(span({ 'agentlightning.reward.4.name': 'late', 'agentlightning.reward.4.value': 3 }))).toBe(3)
  })

  it('takes the last reward of a list, zero included', () => {
    expect(findFinalReward([span(rewardToAttributes(1)), span({ other: 1 }), span(rewardToAttributes(0)), span({})])).toBe(0)
    expect(findFinalReward([span({})])).toBeNull()
  })
})
