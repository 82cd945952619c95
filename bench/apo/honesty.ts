import { type ApoOptions, estimateMean } from '@agl/algorithms'
import { createModels, createWorld, type Task, type World } from '@agl/simulated-world'
import { atLeast, atMost, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { shareOf } from '../lib/share.ts'
import { contestRunners, contestTasks, contestWorld } from './contest.ts'
import { contestOf, promptOf, runOurs, type TaskCounts } from './ours.ts'
import { asSpread } from './score.ts'
import { contestOptions } from './settings.ts'

/** A search, and its test with both prompts. */
interface Size extends TaskCounts {
  /** The test included. */
  readonly rollouts: number
}

/** As in the contest, with a longer search and a test. */
const contestSize: Size = { ...contestTasks, test: 400, rollouts: 600 + 2 * 400 }

/** What it takes to find a gain of 0.1 and to be sure of it. */
const smallGainSize: Size = { train: 40, val: 150, test: 500, rollouts: 3_000 }
const smallGainOptions = { beamWidth: 4, branchFactor: 4, valBatchSize: 25 } as const

async function search(
  world: World,
  seed: number,
  size: Size,
  options: Partial<ApoOptions<Task>> = {},
): Promise<{ verdict: string; reported: number; low: number; high: number; trueScore: number; rollouts: number }> {
  const { result, rollouts } = await runOurs(contestOf(createModels(world), contestRunners * 8), size, {
    ...contestOptions('beam', size.rollouts, seed),
    ...options,
  })
  const { mean, low, high } = result.test!.after
  return { verdict: result.verdict, reported: mean, low, high, trueScore: world.trueScore(promptOf(result.best)), rollouts }
}

export const honesty: Scenario = {
  name: 'apo-honesty',
  title: 'score that is reported for the kept prompt − its true score, and how often the true one lies in the interval',
  async run({ isShort }) {
    const runs = []
    for (let seed = 1; seed <= (isShort ? 10 : 100); seed += 1)
      runs.push(await search(createWorld({ seed, ...contestWorld }), seed, contestSize))
    const error = estimateMean(runs.map(({ reported, trueScore }) => reported - trueScore))
    const covered = runs.filter(({ low, high, trueScore }) => low <= trueScore && trueScore <= high).length
    return [
      {
        name: 'apo-honesty',
        unit: 'reported − true score',
        better: 'lower',
        ours: asSpread(error),
        peer: null,
        target: atMost('value', 0.01),
        note: `${runs.length} seeds, ${contestSize.test} test tasks`,
      },
      {
        name: 'apo-honesty-coverage',
        unit: '% of 95 % intervals that hold the true score',
        better: 'higher',
        ours: shareOf(covered, runs.length),
        peer: null,
        target: atLeast('value', 90),
      },
    ]
  },
}

/** A world in which nothing helps, and one in which exactly one sentence does. */
export const falseAndTrueFinds: Scenario = {
  name: 'apo-null',
  title: 'how often a gain is reported where there is none (apo-null), and where one sentence is worth 0.1 (apo-power)',
  async run({ isShort }) {
    const seeds = isShort ? 20 : 1_000
    const results: Result[] = []
    for (const variant of ['null', 'planted'] as const) {
      let found = 0
      let rollouts = 0
      for (let seed = 1; seed <= seeds; seed += 1) {
        const run = await search(createWorld({ ...contestWorld, seed, variant }), seed, smallGainSize, smallGainOptions)
        if (run.verdict === 'improved') found += 1
        rollouts += run.rollouts / seeds
      }
      results.push({
        name: variant === 'null' ? 'apo-null' : 'apo-power',
        unit: variant === 'null' ? '% of runs that report a gain' : '% of runs that find it and report it',
        better: variant === 'null' ? 'lower' : 'higher',
        ours: shareOf(found, seeds),
        peer: null,
        target: variant === 'null' ? atMost('value', 5) : atLeast('value', 80),
        note: `${seeds} seeds; ${rollouts.toFixed(0)} rollouts each, at most ${smallGainSize.rollouts}, of which ${2 * smallGainSize.test} are the test`,
      })
    }
    return results
  },
}
