import { atLeast, atMost, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { shareOf } from '../lib/share.ts'
import { coin, createTrial, judgeOf, observe, type World } from './trial.ts'

const halves = { control: 1, candidate: 1 }

function coins(chance: number): World {
  return { name: `coins of ${chance}`, weights: halves, draw: (random) => () => coin(random, chance) }
}

const fair = coins(0.5)

/** All arms are alike in each. */
const worlds: readonly World[] = [
  fair,
  coins(0.1),
  coins(0.02),
  coins(0.9),
  { name: 'skewed', weights: halves, draw: (random) => () => random.next() ** 4 },
  { name: '90 to 10', weights: { control: 9, candidate: 1 }, draw: (random) => () => coin(random, 0.5) },
  { name: 'three arms', weights: { control: 1, one: 1, other: 1 }, draw: (random) => () => coin(random, 0.5) },
  {
    name: 'paired tasks',
    weights: halves,
    isPaired: true,
    // Some tasks are hard for both arms.
    draw(random) {
      const chance = random.next()
      return () => coin(random, chance)
    },
  },
]

/** How far one goes on looking, in sizes of the plan. */
const planned = 3

export const nothingThere: Scenario = {
  name: 'experiment-null',
  title:
    'trials without a difference that ever tell one, looked at after every rollout; -control: a test that is made for one look',
  async run({ isShort }) {
    const seeds = isShort ? 60 : 1_000
    const rates = worlds.map((world) => ({ world, wrong: count(seeds, (seed) => everTells(world, seed)) }))
    const worst = rates.toSorted((a, b) => b.wrong - a.wrong)[0]!
    const fooled = count(seeds, (seed) => everTellsByFixedTest(fair, seed))
    const result: Result = {
      name: 'experiment-null',
      unit: '% of trials that ever tell a difference, the worst world',
      better: 'lower',
      ours: shareOf(worst.wrong, seeds),
      peer: null,
      target: atMost('value', 5),
      note: `${seeds} seeds, ${planned} times as many as planned; ${rates.map(({ world, wrong }) => `${world.name} ${percent(wrong / seeds)}`).join(', ')}`,
    }
    return [
      result,
      {
        name: 'experiment-null-control',
        unit: '% of trials of a z-test at 5 % after every rollout',
        better: 'lower',
        ours: shareOf(fooled, seeds),
        peer: null,
        // It has to be fooled, or the worlds show nothing.
        target: atLeast('value', 20),
        note: `${fair.name}, as many looks`,
      },
    ]
  },
}

function everTells(world: World, seed: number): boolean {
  const trial = createTrial(world)
  const judge = judgeOf(trial)
  for (const observation of observe(world, seed, rolloutsOf(world, trial.plan.perArm))) {
    judge.add(observation)
    const { kind } = judge.verdict()
    if (kind === 'better' || kind === 'worse') return true
  }
  return false
}

/** So many that the rarest arm comes to what is wanted of it. */
function rolloutsOf({ weights, isPaired = false }: World, perArm: number): number {
  const all = Object.values(weights)
  const ofRarest = isPaired ? 1 / all.length : Math.min(...all) / all.reduce((sum, weight) => sum + weight, 0)
  return Math.ceil((planned * perArm) / ofRarest)
}

/** Below so many of each arm nobody would ask such a test. */
const least = 20
/** Two-sided, 5 %. */
const significant = 1.96

function everTellsByFixedTest(world: World, seed: number): boolean {
  const sums: Record<string, { count: number; sum: number; squares: number }> = {}
  for (const arm of Object.keys(world.weights)) sums[arm] = { count: 0, sum: 0, squares: 0 }
  const [control, candidate] = Object.values(sums) as [Moments, Moments]
  const { perArm } = createTrial(world).plan
  for (const { arm, values } of observe(world, seed, rolloutsOf(world, perArm))) {
    const own = sums[arm]!
    own.count += 1
    own.sum += values['reward']!
    own.squares += values['reward']! ** 2
    if (Math.min(control.count, candidate.count) >= least) {
      const error = Math.sqrt(squaredError(control) + squaredError(candidate))
      if (Math.abs(meanOf(candidate) - meanOf(control)) > significant * error) return true
    }
  }
  return false
}

interface Moments {
  readonly count: number
  readonly sum: number
  readonly squares: number
}

function meanOf({ count: size, sum }: Moments): number {
  return sum / size
}

/** Of the mean. */
function squaredError(moments: Moments): number {
  return (moments.squares / moments.count - meanOf(moments) ** 2) / (moments.count - 1)
}

/** How many of the seeds from 1 on it holds for. */
export function count(seeds: number, holds: (seed: number) => boolean): number {
  let found = 0
  for (let seed = 1; seed <= seeds; seed += 1) if (holds(seed)) found += 1
  return found
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
