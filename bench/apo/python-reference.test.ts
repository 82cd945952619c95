import { createWorld } from '@agl/simulated-world'
import { expect, it } from 'vitest'
import { contestModels, contestRunners, contestTasks, contestWorld, referenceSettings } from './contest.ts'
import { readReference, type ReferenceRun, scheduleModels as models } from './python-reference.ts'
import { leastWallSeconds } from './reference-schedule.ts'

const { about, runs } = readReference()
const all = [...runs.example, ...runs.defaults]

it('was measured in the contest that there is now', () => {
  expect(about).toMatchObject({
    world: contestWorld,
    models: contestModels,
    tasks: contestTasks,
    runners: contestRunners,
    settings: referenceSettings,
  })
  expect(runs.example.length).toBeGreaterThanOrEqual(30)
})

/** A world that draws otherwise than on the day of the measurement would compare two sides in two worlds. */
it('holds scores that the worlds still give', () => {
  for (const run of all) {
    const world = createWorld({ ...contestWorld, seed: run.seed })
    expect(world.trueScore(run.prompt)).toBeCloseTo(run.true_score, 3)
    expect(world.trueScore(world.seedPrompt)).toBeCloseTo(run.seed_score, 3)
    expect(world.optimum().score).toBeCloseTo(run.optimum, 3)
  }
})

/** Its rollouts follow from its settings alone: nothing is cached. */
function plannedRollouts({
  beam_width: width,
  branch_factor: branches,
  beam_rounds: rounds,
  val_batch_size,
  gradient_batch_size,
}: (typeof referenceSettings)['example']): number {
  const children = width * branches
  const selections = Array.from({ length: rounds }, (_, round) => (round === 0 ? 1 : width) + children)
  const selected = selections.reduce((sum, pool) => sum + pool * val_batch_size, 0)
  return contestTasks.val * (rounds + 1) + rounds * children * gradient_batch_size + selected
}

it.each(['example', 'defaults'] as const)(
  'holds runs that did what the settings %s say, and took as long as that takes at least',
  (name) => {
    const checks = (run: ReferenceRun): void => {
      expect(run.rollouts).toBe(plannedRollouts(referenceSettings[name]))
      expect(run.model_calls.actor).toBe(run.rollouts)
      expect(run.unfinished).toBe(0)
      expect(run.trajectory.at(-1)).toMatchObject({ rollouts: run.rollouts, true_score: run.true_score })
      const least = leastWallSeconds(referenceSettings[name], {
        runners: contestRunners,
        val: contestTasks.val,
        seed: run.seed,
        models,
      })
      expect(run.wall_seconds).toBeGreaterThan(least * 0.9)
    }
    for (const run of runs[name]) checks(run)
  },
)
