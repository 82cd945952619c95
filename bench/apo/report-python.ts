// What python-reference.json says, as a table: `node --conditions=@agl/source bench/apo/report-python.ts`.
import { estimateMean } from '@agl/algorithms'
import { contestRunners, contestTasks, referenceSettings } from './contest.ts'
import { readReference, type ReferenceRun, scheduleModels } from './python-reference.ts'
import { leastWallSeconds } from './reference-schedule.ts'

const reference = readReference()
console.log(`${reference.about.versions}\n${reference.about.machine}\n`)

for (const settings of ['example', 'defaults'] as const) {
  const runs = reference.runs[settings]
  if (runs.length === 0) continue
  const least = ({ seed }: ReferenceRun): number =>
    leastWallSeconds(referenceSettings[settings], {
      runners: contestRunners,
      val: contestTasks.val,
      seed,
      models: scheduleModels,
    })
  const figures: Readonly<Record<string, (run: ReferenceRun) => number>> = {
    'true score of the seed prompt': (run) => run.seed_score,
    'true score of the best prompt there is': (run) => run.optimum,
    'true score of the prompt found': (run) => run.true_score,
    'true gain': (run) => run.true_score - run.seed_score,
    'score reported − true score': (run) => run.reported_score - run.true_score,
    rollouts: (run) => run.rollouts,
    'calls of critic and editor': (run) => run.model_calls.critic + run.model_calls.editor,
    'wall seconds, measured': (run) => run.wall_seconds,
    'wall seconds, least possible': least,
    'load of the machine meanwhile': (run) => run.load,
  }
  console.log(`${settings}: ${runs.length} seeds; mean (95 % interval), least and most`)
  for (const [name, figure] of Object.entries(figures)) {
    const values = runs.map(figure)
    const { mean, low, high } = estimateMean(values)
    const [least, most] = [Math.min(...values), Math.max(...values)]
    const shown = [mean, low, high, least, most].map((value) => value.toFixed(Math.abs(most) >= 10 ? 1 : 3)) as [
      string,
      string,
      string,
      string,
      string,
    ]
    console.log(`  ${name.padEnd(40)} ${shown[0]} (${shown[1]} to ${shown[2]}), ${shown[3]} to ${shown[4]}`)
  }
}
