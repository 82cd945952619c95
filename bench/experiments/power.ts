import { percentile, spreadOf } from '../lib/measure.ts'
import { atLeast, atMost, constantPeer, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { shareOf } from '../lib/share.ts'
import { coin, createTrial, judgeOf, observe, type World } from './trial.ts'

const halves = { control: 1, candidate: 1 }

function coins(name: string, control: number, candidate: number): World {
  return { name, weights: halves, draw: (random) => (arm) => coin(random, arm === 'control' ? control : candidate) }
}

/** In each the candidate is better by a tenth, which is what is looked for. */
const worlds: readonly World[] = [
  coins('middle', 0.45, 0.55),
  coins('high', 0.85, 0.95),
  {
    name: 'paired',
    weights: halves,
    isPaired: true,
    draw(random) {
      const chance = 0.1 + 0.7 * random.next()
      return (arm) => coin(random, arm === 'control' ? chance : chance + 0.1)
    },
  },
]

export const power: Scenario = {
  name: 'experiment-power',
  title: 'trials that find a planted difference of a tenth with as many rollouts as were planned, and how many they needed',
  async run({ isShort }) {
    const seeds = isShort ? 100 : 1_000
    return worlds.flatMap((world) => {
      const { plan, settings } = createTrial(world)
      const trials = Array.from({ length: seeds }, (_, seed) => run(world, seed + 1))
      const sizes = trials.map(({ size }) => size)
      const results: readonly Result[] = [
        {
          name: `experiment-power-${world.name}`,
          unit: '% of trials that find it',
          better: 'higher',
          ours: shareOf(trials.filter(({ verdict }) => verdict === 'better').length, seeds),
          peer: null,
          target: atLeast('value', 100 * settings.power),
          note: `${seeds} seeds; told the wrong way round in ${trials.filter(({ verdict }) => verdict === 'worse').length}`,
        },
        {
          name: `experiment-power-${world.name}-size`,
          unit: 'rollouts of each arm, looking after each',
          better: 'lower',
          ours: spreadOf(sizes),
          peer: constantPeer('planned', plan.perArm),
          target: atMost('ratio', 0.6),
          note: `mean ${mean(sizes).toFixed(0)}, 90 % with ${percentile(sizes, 0.9)} or fewer; ${plan.perArmLookingOnce} if one looked once, at the end`,
        },
      ]
      return results
    })
  },
}

/** Both arms together; by lot the one gets a little more than the other. */
const mostPerArm = 4

/** To the verdict, which is there with as many as were planned at the latest. */
function run(world: World, seed: number): { readonly verdict: string; readonly size: number } {
  const trial = createTrial(world)
  const judge = judgeOf(trial)
  const counts: Record<string, number> = { control: 0, candidate: 0 }
  for (const observation of observe(world, seed, mostPerArm * trial.plan.perArm)) {
    judge.add(observation)
    counts[observation.arm]! += 1
    const { kind } = judge.verdict()
    if (kind !== 'undecided') return { verdict: kind, size: Math.min(...Object.values(counts)) }
  }
  throw new Error('There is no verdict after twice as many rollouts as were planned.')
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
