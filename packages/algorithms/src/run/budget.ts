import { AglError, type Spend } from '@agl/types'
import { z } from 'zod'

/** The most that a run may spend; what is absent is not limited. */
export type BudgetLimits = Readonly<Partial<Spend>>

const limit = z.number().min(0).exactOptional()
export const budgetSchema: z.ZodType<BudgetLimits> = z.strictObject({
  rollouts: limit,
  modelCalls: limit,
  tokens: limit,
  usd: limit,
  minutes: limit,
})

const nothing: Spend = Object.freeze({ rollouts: 0, modelCalls: 0, tokens: 0, usd: 0, minutes: 0 })
const units: Readonly<Record<keyof Spend, string>> = {
  rollouts: 'rollouts',
  modelCalls: 'model calls',
  tokens: 'tokens',
  usd: 'US dollars',
  minutes: 'minutes',
}

/** What a run has spent, and what it still may. */
export interface Budget {
  readonly limits: BudgetLimits
  spent(): Spend
  /** Counts what was spent. */
  add(spend: Partial<Spend>): void
  /**
   * Keeps a part of the limits for work that is to come: it counts as spent, with what its rollouts have cost on average.
   * @returns gives it back
   */
  hold(spend: Partial<Spend>): () => void
  /**
   * The first limit that the next piece of work would pass; null = it can be afforded. Rollouts bring what they have cost on average
   * with them.
   * @param minutes that the run had taken when it first came to this decision. Default: now
   */
  passed(next: Partial<Spend>, minutes?: number): keyof Spend | null
  /** @throws AglError `budget_exhausted` where {@link passed} names a limit. @param what for people: `the final evaluation` */
  require(next: Partial<Spend>, what: string, minutes?: number): void
}

/** @param clock milliseconds; @param minutesBefore what earlier processes of the run took */
export function createBudget(limits: BudgetLimits, clock: () => number = Date.now, minutesBefore: number = 0): Budget {
  const began = clock()
  let counted: Spend = nothing
  /** Of rollouts alone, from which the next ones are estimated. */
  let byRollouts: Spend = nothing
  const holds = new Set<Partial<Spend>>()

  const budget: Budget = {
    limits,
    spent: () => ({ ...counted, minutes: minutesBefore + (clock() - began) / 60_000 }),
    add(spend) {
      counted = sum(counted, spend)
      if ((spend.rollouts ?? 0) > 0) byRollouts = sum(byRollouts, spend)
    },
    hold(spend) {
      const held = { ...spend }
      holds.add(held)
      return () => void holds.delete(held)
    },
    passed(next, minutes = budget.spent().minutes) {
      const asked = [...holds, next].reduce<Spend>(sum, nothing)
      const after = sum(sum({ ...budget.spent(), minutes }, estimate(asked.rollouts)), asked)
      const names = Object.keys(units) as (keyof Spend)[]
      // A limit on time is one on beginning: nothing tells how long the next piece takes.
      return names.find((name) => limits[name] !== undefined && after[name] > limits[name] + rounding) ?? null
    },
    require(next, what, minutes) {
      const name = budget.passed(next, minutes)
      if (name === null) return
      const needed = (next[name] ?? 0) + (estimate(next.rollouts ?? 0)[name] ?? 0)
      throw new AglError({
        code: 'budget_exhausted',
        message:
          `${what[0]!.toUpperCase()}${what.slice(1)} would pass the limit of ${limits[name]} ${units[name]}: ` +
          `${format(budget.spent()[name])} are spent${needed === 0 ? '' : `, ${format(needed)} more are needed`}. Raise budget.${name}, or ask for less.`,
        data: { limit: name, spent: budget.spent(), next },
      })
    },
  }
  return budget

  function estimate(rollouts: number): Partial<Spend> {
    if (byRollouts.rollouts === 0) return {}
    const each = rollouts / byRollouts.rollouts
    return { modelCalls: byRollouts.modelCalls * each, tokens: byRollouts.tokens * each, usd: byRollouts.usd * each }
  }
}

/** Sums of fractions must not pass a limit by their last digit. */
const rounding = 1e-9

const format = (value: number): string => String(Math.round(value * 1e4) / 1e4)

function sum(a: Spend, b: Partial<Spend>): Spend {
  return {
    rollouts: a.rollouts + (b.rollouts ?? 0),
    modelCalls: a.modelCalls + (b.modelCalls ?? 0),
    tokens: a.tokens + (b.tokens ?? 0),
    usd: a.usd + (b.usd ?? 0),
    minutes: a.minutes + (b.minutes ?? 0),
  }
}
