import { modelCallAttributes, spanNames } from '@agl/types'
import { buildSpan } from '@agl/types/spans'
import { expect, it } from 'vitest'
import type { CollectedRollout } from '../collect.ts'
import { definitionOf } from './define.ts'
import { createJudge, type Judge } from './judge.ts'
import { experimentMetrics, measure } from './metrics.ts'
import { resolveExperimentOptions } from './options.ts'
import { planExperiment } from './plan.ts'
import { define } from './steps.ts'

const target = { resourcesId: 'r', version: 1 }

function judgeOf(
  weights: Readonly<Record<'one' | 'other', number>>,
  detect: number,
): { readonly judge: Judge; readonly perArm: number } {
  const arms = { one: { ...target, weight: weights.one }, other: { ...target, weight: weights.other } }
  const settings = resolveExperimentOptions<never, string>({ name: 'judged', arms, assign: { by: 'weight' }, detect })
  const step = define({ one: target, other: target }, 'judged.stable', definitionOf(settings), { by: 'ann', reason: 'to see' })
  const judge = createJudge(settings, [{ ...step, revision: 1, id: 'first', time: 0 }], null)
  return { judge, perArm: planExperiment(settings, null).perArm }
}

it.each([
  [1, 1],
  [60, 40],
  [40, 60],
  [70, 30],
  [90, 10],
])('pairs all keys at weights of %d to %d', (one, other) => {
  const { judge, perArm } = judgeOf({ one, other }, 0.3)
  const rare = one < other ? 'one' : 'other'
  let [turn, seen] = [0, 0]
  // Turn by turn as the weights are, all with the same reward.
  for (; judge.verdict().kind === 'undecided'; turn += 1) {
    const arm = (turn * one) % (one + other) < one ? 'one' : 'other'
    if (arm === rare) seen += 1
    judge.add({ ...target, rolloutId: `${turn}`, arm, key: `${turn}`, revision: 1, values: { reward: 1 }, outcome: 'scored' })
  }
  expect(judge.verdict()).toEqual({ kind: 'no_significant_difference' })
  expect(seen).toBeGreaterThanOrEqual(perArm)
  expect(seen).toBeLessThan(perArm * 1.05 + 5)
})

it('counts a key once in the test, and with its mean in the figures', () => {
  const { judge } = judgeOf({ one: 1, other: 1 }, 0.3)
  for (let turn = 0; turn < 200; turn += 1) {
    const [arm, reward] = turn % 2 === 0 ? (['one', 0] as const) : (['other', 1] as const)
    judge.add({ ...target, rolloutId: `${turn}`, arm, key: arm, revision: 1, values: { reward }, outcome: 'scored' })
  }
  const { verdict, arms } = judge.compare({ leftOut: 0 })
  expect(verdict).toEqual({ kind: 'undecided' })
  expect(arms.map(({ rollouts, keys, metrics }) => [rollouts, keys, metrics['reward']!.mean])).toEqual([
    [100, 1, 0],
    [100, 1, 1],
  ])
})

it('measures what model calls cost', () => {
  const { requestModel, inputTokens, outputTokens, completion } = modelCallAttributes
  const ids = { rolloutId: 'ro', attemptId: 'at', startTime: 1, endTime: 2 }
  const call = (tokens: number) =>
    buildSpan({
      ...ids,
      name: spanNames.chatCompletion,
      attributes: { [requestModel]: 'actor', [inputTokens]: tokens, [outputTokens]: 1, [`${completion}.0.content`]: 'Well.' },
    })
  const collected = { rollout: { metadata: null }, attempt: null, spans: [call(10), call(20)], reward: null, score: null }
  const cost = experimentMetrics.cost({ prices: { actor: { input: 1_000_000, output: 500_000 } } })
  expect(measure({ cost }, collected as unknown as CollectedRollout)).toEqual({ cost: 31 })
  const closed = experimentMetrics.cost({ prices: { actor: { input: 1_000_000, output: 0 } }, most: 25 })
  expect(measure({ cost: closed }, collected as unknown as CollectedRollout)).toEqual({ cost: 25 })
  const unpriced = experimentMetrics.cost({ prices: {} })
  expect(() => measure({ cost: unpriced }, collected as unknown as CollectedRollout)).toThrow(/price of the model "actor"/)
})
