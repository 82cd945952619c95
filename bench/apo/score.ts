import { estimateGain, estimateMean, type Estimate } from '@agl/algorithms'
import { createModels, createWorld } from '@agl/simulated-world'
import { atLeast, atMost, type Result } from '../lib/result.ts'
import type { Spread } from '../lib/measure.ts'
import { NotAvailable, type Scenario } from '../lib/scenario.ts'
import { contestRunners, contestTasks, contestWorld } from './contest.ts'
import { contestOf, promptOf, runOurs } from './ours.ts'
import { isMeasured, readReference, type ReferenceRun } from './python-reference.ts'
import { contestOptions } from './settings.ts'

/** The table shows the mean, and its 95 % interval where others show the least and the most. */
export const asSpread = ({ mean, low, high }: Estimate): Spread => ({ median: mean, min: low, max: high })

interface Point {
  readonly rollouts: number
  readonly trueScore: number
}

interface Contestant {
  readonly trueScore: number
  readonly rollouts: number
  readonly modelCalls: number
  /** What it would have answered with after each round. */
  readonly trajectory: readonly Point[]
}

/** The same worlds, tasks and number of rollouts as the reference's; true scores by the formula of the world. */
export const score: Scenario = {
  name: 'apo-score',
  title: 'true score of the prompt that is found with as many rollouts; apo-rollouts: rollouts to the same mean score',
  async run({ isShort }) {
    if (!isMeasured()) throw new NotAvailable()
    const reference = readReference().runs.example.slice(0, isShort ? 10 : undefined)
    const theirs = reference.map((run) => run.true_score)
    const results: Result[] = []
    for (const mode of ['beam', 'pareto'] as const) {
      const ours: Contestant[] = []
      for (const run of reference) ours.push(await contest(mode, run))
      const scores = ours.map(({ trueScore }) => trueScore)
      const gain = estimateGain(theirs, scores)
      const suffix = mode === 'beam' ? '' : '-pareto'
      const calls = estimateMean(ours.map(({ modelCalls }) => modelCalls)).mean
      const peer = { name: 'Python reference, measured', spread: asSpread(estimateMean(theirs)) }
      results.push(
        {
          name: `apo-score${suffix}`,
          unit: 'true score',
          better: 'higher',
          ours: asSpread(estimateMean(scores)),
          peer,
          target: null,
          note: `${reference.length} seeds; ${mean(ours.map(({ rollouts }) => rollouts)).toFixed(0)} rollouts, ${calls.toFixed(0)} calls of critic and editor, where the reference had ${mean(reference.map((run) => run.rollouts)).toFixed(0)} and ${mean(reference.map((run) => run.model_calls.critic + run.model_calls.editor)).toFixed(0)}`,
        },
        {
          name: `apo-score${suffix}-gain`,
          unit: 'true score, ours − theirs',
          better: 'higher',
          // The target is of the lower end of the interval.
          ours: { median: gain.low, min: gain.mean, max: gain.high },
          peer: null,
          target: atLeast('value', 0),
          note: 'the lower end of the paired 95 % interval (its mean, its upper end)',
        },
        rolloutsToTheSame(suffix, ours, reference),
      )
    }
    return results
  },
}

async function contest(mode: 'beam' | 'pareto', { seed, rollouts }: ReferenceRun): Promise<Contestant> {
  const world = createWorld({ seed, ...contestWorld })
  const models = createModels(world)
  const { result, rollouts: used } = await runOurs(
    contestOf(models, contestRunners),
    { ...contestTasks, test: 0 },
    contestOptions(mode, rollouts, seed),
  )
  const { critic, editor } = models.use().answered
  const trueScoreOf = (id: string): number => world.trueScore(promptOf(result.lineage.find((each) => each.id === id)!))
  const trueScore = world.trueScore(promptOf(result.best))
  return {
    trueScore,
    rollouts: used,
    modelCalls: critic + editor,
    trajectory: [
      ...result.rounds.map(({ survivors, spent }) => ({ rollouts: spent.rollouts, trueScore: trueScoreOf(survivors[0]!.id) })),
      { rollouts: used, trueScore },
    ],
  }
}

/** Where the mean over all seeds first reaches the reference's mean at its end. */
function rolloutsToTheSame(suffix: string, ours: readonly Contestant[], reference: readonly ReferenceRun[]): Result {
  const goal = mean(reference.map((run) => run.true_score))
  const their = reference.map(({ trajectory, seed_score: first }) => ({
    first,
    points: trajectory.map((point) => ({ rollouts: point.rollouts, trueScore: point.true_score })),
  }))
  const our = ours.map(({ trajectory }, index) => ({ first: reference[index]!.seed_score, points: trajectory }))
  return {
    name: `apo-rollouts${suffix}`,
    unit: 'rollouts to the reference’s mean score',
    better: 'lower',
    ours: asOne(firstAt(our, goal)),
    peer: { name: 'Python reference, measured', spread: asOne(firstAt(their, goal)) },
    target: atMost('ratio', 0.7),
    note: `mean true score ${goal.toFixed(3)}`,
  }
}

function firstAt(runs: readonly { readonly first: number; readonly points: readonly Point[] }[], goal: number): number {
  const places = [...new Set(runs.flatMap(({ points }) => points.map(({ rollouts }) => rollouts)))].toSorted((a, b) => a - b)
  const meanAt = (rollouts: number): number =>
    mean(runs.map(({ first, points }) => points.findLast((point) => point.rollouts <= rollouts)?.trueScore ?? first))
  return places.find((rollouts) => meanAt(rollouts) >= goal - 1e-9) ?? Number.NaN
}

const asOne = (value: number): Spread => ({ median: value, min: value, max: value })

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
