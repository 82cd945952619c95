import { type ExperimentOptions, type ExperimentState, type Random, randomFor } from '@agl/algorithms'
// The judge alone, without a store: a thousand trials that are looked at after each of their rollouts take minutes only so.
import { definitionOf } from '../../packages/algorithms/src/experiments/define.ts'
import { createJudge, type Judge } from '../../packages/algorithms/src/experiments/judge.ts'
import type { Observation } from '../../packages/algorithms/src/experiments/ledger.ts'
import { type ExperimentSettings, resolveExperimentOptions } from '../../packages/algorithms/src/experiments/options.ts'
import { type ExperimentPlan, planExperiment } from '../../packages/algorithms/src/experiments/plan.ts'
import { define } from '../../packages/algorithms/src/experiments/steps.ts'

/** A place where the reward of every arm is known. */
export interface World {
  readonly name: string
  /** The first is the control. */
  readonly weights: Readonly<Record<string, number>>
  /** Whether each task is run with every arm. */
  readonly isPaired?: boolean
  /** What each arm would get from the next task, in [0, 1]. */
  readonly draw: (random: Random) => (arm: string) => number
}

/** An experiment in such a place, with the defaults: a tenth is looked for at an error rate of 5 % and with a power of 80 %. */
export interface Trial {
  readonly settings: ExperimentSettings
  readonly history: readonly ExperimentState[]
  readonly plan: ExperimentPlan
}

export function createTrial({ weights, isPaired = false }: Pick<World, 'weights' | 'isPaired'>): Trial {
  const arms = Object.fromEntries(
    Object.entries(weights).map(([arm, weight]) => [arm, { resourcesId: `simulated.${arm}`, version: 1, weight }]),
  )
  const assign: ExperimentOptions<never>['assign'] = isPaired ? { by: 'task' } : { by: 'weight' }
  const settings = resolveExperimentOptions<never, string>({ name: 'simulated', arms, assign })
  const step = define(arms, settings.alias, definitionOf(settings), { by: 'bench', reason: 'a simulated world' })
  return { settings, history: [{ ...step, revision: 1, id: 'first', time: 0 }], plan: planExperiment(settings, null) }
}

export function judgeOf({ settings, history }: Trial): Judge {
  return createJudge(settings, history, null)
}

/** So many rollouts or a few more, as the lots fall. */
export function* observe(world: World, seed: number, count: number): Generator<Observation, void> {
  const random = randomFor(seed, world.name)
  const arms = Object.keys(world.weights)
  for (let [task, told] = [0, 0]; told < count; task += 1) {
    const rewardOf = world.draw(random)
    const chosen = world.isPaired === true ? arms : [drawArm(world.weights, random)]
    for (const arm of chosen) yield observationOf(task, arm, rewardOf(arm))
    told += chosen.length
  }
}

export function observationOf(task: number, arm: string, reward: number): Observation {
  return {
    rolloutId: `${task}.${arm}`,
    arm,
    key: String(task),
    revision: 1,
    resourcesId: `simulated.${arm}`,
    version: 1,
    values: { reward },
    outcome: 'scored',
  }
}

function drawArm(weights: World['weights'], random: Random): string {
  const arms = Object.keys(weights)
  let place = random.next() * arms.reduce((sum, arm) => sum + weights[arm]!, 0)
  return arms.find((arm) => (place -= weights[arm]!) < 0) ?? arms[0]!
}

/** 1 with this chance, else 0. */
export function coin(random: Random, chance: number): number {
  return random.next() < chance ? 1 : 0
}
