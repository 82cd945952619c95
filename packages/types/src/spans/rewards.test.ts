import { describe, expect, it } from 'vitest'
import { findFinalReward, findRewards, readReward, readRewardDimensions, rewardToAttributes } from './rewards.ts'

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

  it('puts no other dimension in the place of a malformed primary one', () => {
    const second = { 'agentlightning.reward.1.name': 'speed', 'agentlightning.reward.1.value': 3 }
    expect(
      readReward(span({ 'agentlightning.reward.0.name': 'quality', 'agentlightning.reward.0.value': 'bad', ...second })),
    ).toBeNull()
    const first = { 'agentlightning.reward.0.name': 'quality', 'agentlightning.reward.0.value': 1 }
    expect(readRewardDimensions(span({ ...first, 'agentlightning.reward.1.value': 3 }))).toEqual([{ name: 'quality', value: 1 }])
  })

  it('takes the last reward of a list, zero included', () => {
    expect(findFinalReward([span(rewardToAttributes(1)), span({ other: 1 }), span(rewardToAttributes(0)), span({})])).toBe(0)
    expect(findFinalReward([span({})])).toBeNull()
  })
})

describe('rewards of others', () => {
  it.each([
    ['AgentOps, task', { attributes: { 'agentops.task.output': '{"type": "reward", "value": 0.25}' } }, 0.25],
    ['AgentOps, entity', { attributes: { 'agentops.entity.output': '{"type": "reward", "value": 0}' } }, 0],
    ['agent-lightning 0.2', { name: 'agentlightning.reward', attributes: { reward: 0.5 } }, 0.5],
    ['agent-lightning 0.2, annotation', { name: 'agentlightning.annotation', attributes: { reward: true } }, 1],
  ])('reads %s', (_, bearer, expected) => {
    expect(readReward(bearer)).toBe(expected)
  })

  it('takes no output that is not a reward, and no foreign attribute', () => {
    expect(readReward({ attributes: { 'agentops.task.output': '{"value": 1}' } })).toBeNull()
    expect(readReward({ attributes: { 'agentops.task.output': 'plain text' } })).toBeNull()
    expect(readReward({ attributes: { 'agentops.task.output': 'null' } })).toBeNull()
    expect(readReward({ name: 'other', attributes: { reward: 1 } })).toBeNull()
  })
})

describe('findRewards', () => {
  it('finds all in order and reports what it cannot read', () => {
    const good = span(rewardToAttributes({ a: 1, b: 2 }, { primary: 'b' }))
    const nameless = span({ 'agentlightning.reward.0.value': 1 })
    const text = span({ 'agentlightning.reward.0.name': 'x', 'agentlightning.reward.0.value': 'high' })
    const foreign = span({ 'agentlightning.reward.x': 1 })
    const ops = { attributes: { 'agentops.task.output': '{"type": "reward", "value": "x"}' } }
    const old = { name: 'agentlightning.reward', attributes: { reward: 'one' } }
    const problems: string[] = []
    const found = findRewards([nameless, good, text, foreign, ops, old], ({ reason }) => problems.push(reason))
    expect(found).toEqual([
      {
        span: good,
        value: 2,
        dimensions: [
          { name: 'b', value: 2 },
          { name: 'a', value: 1 },
        ],
      },
    ])
    expect(problems).toEqual([
      'a dimension has no name',
      'dimension "x" is no finite number: "high"',
      'its keys are not of the form agentlightning.reward.{i}.name and .value',
      'the reward in its attribute "agentops.task.output" is no finite number: "x"',
      'its attribute "reward" is no finite number: "one"',
    ])
  })
})
