import { createOpenAiModel, estimateMean } from '@agl/algorithms'
import { createModels, createWorld, startWorldServer } from '@agl/simulated-world'
import { atMost, constantPeer } from '../lib/result.ts'
import { NotAvailable, type Scenario } from '../lib/scenario.ts'
import { contestModels, contestRunners, contestTasks, contestWorld, referenceSettings } from './contest.ts'
import { type Contest, runOurs } from './ours.ts'
import { isMeasured, readReference, scheduleModels } from './python-reference.ts'
import { leastWallSeconds } from './reference-schedule.ts'
import { asSpread } from './score.ts'
import { contestOptions } from './settings.ts'

export const wall: Scenario = {
  name: 'apo-wall',
  title: 'seconds of a search with models that take their time (1 and 2 s), over HTTP, with 8 rollouts at a time',
  async run({ isShort }) {
    if (!isMeasured()) throw new NotAvailable()
    const reference = readReference().runs.example.slice(0, isShort ? 2 : 30)
    // They only wait: all at the same time.
    const seconds = await Promise.all(reference.map(async ({ seed, rollouts }) => searchSeconds(seed, rollouts)))
    const least = reference.map(({ seed }) =>
      leastWallSeconds(referenceSettings.example, {
        runners: contestRunners,
        val: contestTasks.val,
        seed,
        models: scheduleModels,
      }),
    )
    const { mean, low, high } = estimateMean(least)
    return [
      {
        name: 'apo-wall',
        unit: 's wall',
        better: 'lower',
        ours: asSpread(estimateMean(seconds)),
        peer: constantPeer('Python reference, least possible', mean, [low, high]),
        target: atMost('ratio', 1 / 3),
        note: `${reference.length} seeds, as many rollouts; the reference took ${estimateMean(reference.map((run) => run.wall_seconds)).mean.toFixed(0)} s when it was measured, on a busy machine: its waits and its models' time alone are the peer`,
      },
    ]
  },
}

async function searchSeconds(seed: number, rollouts: number): Promise<number> {
  const world = createWorld({ seed, ...contestWorld })
  const server = await startWorldServer(createModels(world, contestModels))
  const modelOf = (model: string) => createOpenAiModel({ baseUrl: server.baseUrl, apiKey: 'none', model })
  const actor = modelOf('actor')
  const contest: Contest = {
    world,
    actor: async (text, ofTask, signal) =>
      (await actor.chat({ messages: [{ role: 'user', content: text }], seed: ofTask, signal })).text,
    model: { critique: modelOf('critic'), edit: modelOf('editor') },
    runners: contestRunners,
  }
  try {
    const start = performance.now()
    await runOurs(contest, { ...contestTasks, test: 0 }, contestOptions('beam', rollouts, seed))
    return (performance.now() - start) / 1000
  } finally {
    await server.close()
  }
}
