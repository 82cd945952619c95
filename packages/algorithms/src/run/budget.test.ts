import { describe, expect, it } from 'vitest'
import { createBudget } from './budget.ts'
import { priceOf } from './prices.ts'

describe('createBudget', () => {
  it('refuses what would pass a limit, before it is spent', () => {
    const budget = createBudget({ rollouts: 10 })
    budget.add({ rollouts: 6 })
    expect(budget.passed({ rollouts: 4 })).toBeNull()
    expect(budget.passed({ rollouts: 5 })).toBe('rollouts')
    expect(() => budget.require({ rollouts: 5 }, 'the final evaluation')).toThrow(
      /The final evaluation would pass the limit of 10 rollouts: 6 are spent, 5 more are needed\. Raise budget\.rollouts/,
    )
  })

  it('expects of rollouts to come what those before have cost', () => {
    const budget = createBudget({ tokens: 1_000, usd: 1 })
    expect(budget.passed({ rollouts: 1_000 })).toBeNull()
    budget.add({ rollouts: 2, modelCalls: 4, tokens: 200, usd: 0.1 })
    budget.add({ modelCalls: 1, tokens: 100 })
    expect(budget.passed({ rollouts: 7 })).toBeNull()
    expect(budget.passed({ rollouts: 8 })).toBe('tokens')
  })

  it('counts time over all processes of the run', () => {
    let now = 0
    const budget = createBudget({ minutes: 10 }, () => now, 7)
    now += 2 * 60_000
    expect(budget.spent().minutes).toBeCloseTo(9)
    expect(budget.passed({})).toBeNull()
    now += 2 * 60_000
    expect(budget.passed({})).toBe('minutes')
  })
})

describe('priceOf', () => {
  it('takes prices for a million tokens, and none for free', () => {
    const prices = { small: { input: 0.5, output: 2 } }
    expect(priceOf({ model: 'small', inputTokens: 1_000_000, outputTokens: 500_000 }, prices)).toBeCloseTo(1.5)
    expect(() => priceOf({ model: 'large', inputTokens: 1, outputTokens: 1 }, prices)).toThrow(
      /"large" is not known \(known: small\)/,
    )
  })
})
