import { armOf, type Weights } from '@agl/algorithms'
import { atMost, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'

/** Of chi-square: what one draw in a thousand exceeds, by degrees of freedom. */
const quantile999: Readonly<Record<number, number>> = { 1: 10.828, 2: 13.816 }

const halves: Weights = { control: 1, candidate: 1 }
const three: Weights = { ...halves, other: 1 }
const shares: readonly number[] = [0.05, 0.25, 1]

export const assignment: Scenario = {
  name: 'experiment-assignment',
  title:
    'a million keys: chi-square of shares and of two experiments side by side, keys that move without need, keys that lose a candidate',
  async run({ isShort }) {
    const keys = Array.from({ length: isShort ? 100_000 : 1_000_000 }, (_, index) => `customer-${index}`)
    const assign = (experiment: string, weights: Weights): readonly string[] => keys.map((key) => armOf(experiment, weights, key))
    const byHalves = assign('one', halves)
    const byThree = assign('one', three)
    return [
      toResult('halves', chiSquare(byHalves, halves), 1),
      toResult('90-to-10', chiSquare(assign('one', { control: 90, candidate: 10 }), { control: 90, candidate: 10 }), 1),
      toResult('three', chiSquare(byThree, three), 2),
      toResult('side-by-side', independence(byHalves, assign('other', halves)), 1),
      {
        name: 'experiment-assignment-new-arm',
        unit: 'keys that moved, but not to the arm that was added',
        better: 'lower',
        ours: one(byThree.filter((arm, index) => arm !== byHalves[index] && arm !== 'other').length),
        peer: null,
        target: atMost('value', 0),
        note: `${byThree.filter((arm) => arm === 'other').length} of ${keys.length} moved to it`,
      },
      rollOut(shares.map((share) => assign('one', { control: 1 - share, candidate: share }))),
    ]
  },
}

function toResult(name: string, value: number, degrees: number): Result {
  const limit = quantile999[degrees]!
  return {
    name: `experiment-assignment-${name}`,
    unit: `chi-square of ${degrees} degree${degrees === 1 ? '' : 's'} of freedom`,
    better: 'lower',
    ours: one(value),
    peer: null,
    target: atMost('value', limit),
  }
}

function rollOut(steps: readonly (readonly string[])[]): Result {
  const has = (step: number, key: number): boolean => steps[step]![key] === 'candidate'
  let lost = 0
  for (let step = 1; step < steps.length; step += 1) {
    lost += steps[step]!.filter((_, key) => has(step - 1, key) && !has(step, key)).length
  }
  const given = steps.map((step) => step.filter((arm) => arm === 'candidate').length)
  return {
    name: 'experiment-assignment-roll-out',
    unit: 'keys that lose the candidate',
    better: 'lower',
    ours: one(lost),
    peer: null,
    target: atMost('value', 0),
    note: `${given.join(', ')} have it at ${shares.map((share) => `${100 * share} %`).join(', ')}`,
  }
}

/** Of how often each arm was given, beside its weight. */
function chiSquare(arms: readonly string[], weights: Weights): number {
  const all = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
  const counts = countBy(arms)
  return Object.entries(weights).reduce((sum, [arm, weight]) => {
    const expected = (arms.length * weight) / all
    return sum + ((counts.get(arm) ?? 0) - expected) ** 2 / expected
  }, 0)
}

/** Of both assignments in one table: whether who has which arm of the one tells anything of the other. */
function independence(ones: readonly string[], others: readonly string[]): number {
  const [byOne, byOther] = [countBy(ones), countBy(others)]
  const byBoth = countBy(ones.map((arm, key) => `${arm}/${others[key]!}`))
  let sum = 0
  for (const [one, ofOne] of byOne) {
    for (const [other, ofOther] of byOther) {
      const expected = (ofOne * ofOther) / ones.length
      sum += ((byBoth.get(`${one}/${other}`) ?? 0) - expected) ** 2 / expected
    }
  }
  return sum
}

function countBy(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

function one(value: number): Result['ours'] {
  return { median: value, min: value, max: value }
}
