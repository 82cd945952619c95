import { readFileSync } from 'node:fs'
import { agentModule, createTrainer, type StrategyChoice } from '@agl/trainer'
import type { AlgorithmContext } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { spreadOf } from '../lib/measure.ts'
import { NotAvailable, type BenchContext, type Scenario } from '../lib/scenario.ts'
import type { Result } from '../lib/result.ts'

const strategies: readonly (readonly [name: string, strategy: StrategyChoice])[] = [
  ['shm', 'shm'],
  ['ipc', 'ipc'],
  ['cs', { type: 'cs', port: 0, drainMs: 100 }],
]
const warmUp = 300
/** Of `/proc`: hundredths of a second on every Linux there is. */
const microsecondsPerTick = 10_000

/** All threads of another process, in microseconds. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick
}

function cpuOfAll(runner: number): number {
  const { user, system } = process.cpuUsage()
  return user + system + (runner === process.pid ? 0 : cpuOf(runner))
}

async function runTasks({ store, signal }: AlgorithmContext, count: number): Promise<readonly string[]> {
  const rollouts = await store.enqueueManyRollouts({ rollouts: Array.from({ length: count }, (_, input) => ({ input })) })
  const rolloutIds = rollouts.map(({ rollout_id: id }) => id)
  await store.waitForRollouts({ rolloutIds, signal })
  return rolloutIds
}

interface Figures {
  readonly firstMs: number
  readonly cpuUs: number
  readonly wallUs: number
}

/** One runner, one rollout at a time. */
async function measure(strategy: StrategyChoice, count: number): Promise<Figures> {
  const start = performance.now()
  const trainer = createTrainer<Figures>({
    strategy,
    algorithm: {
      name: 'overhead',
      async run(context) {
        const [first] = await runTasks(context, 1)
        const firstMs = performance.now() - start
        const pid = findFinalReward((await context.store.querySpans({ rolloutId: first! })).items)!
        await runTasks(context, warmUp)
        const cpuBefore = cpuOfAll(pid)
        const wallBefore = performance.now()
        await runTasks(context, count)
        const wallUs = ((performance.now() - wallBefore) * 1000) / count
        return { firstMs, cpuUs: (cpuOfAll(pid) - cpuBefore) / count, wallUs }
      },
    },
  })
  const figures = await trainer.fit(agentModule(new URL('agents.ts', import.meta.url), 'idle'), [])
  await trainer.store.close()
  return figures!
}

async function run({ isShort, rounds }: BenchContext): Promise<readonly Result[]> {
  if (process.platform !== 'linux') throw new NotAvailable('The CPU time of other processes is read from /proc.')
  const count = isShort ? 500 : 2000
  const found = new Map<string, Figures[]>(strategies.map(([name]) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, strategy] of strategies) found.get(name)!.push(await measure(strategy, count))
  }
  return strategies.flatMap(([name]): Result[] => {
    const figures = found.get(name)!
    const wall = Math.round(spreadOf(figures.map(({ wallUs }) => wallUs)).median)
    const result = { better: 'lower' as const, peer: null, target: null }
    return [
      {
        ...result,
        name: `rollout-${name}`,
        unit: 'µs CPU of all processes',
        ours: spreadOf(figures.map(({ cpuUs }) => cpuUs)),
        note: `${count} rollouts of an agent that does nothing, one after the other; ${wall} µs of wall time each`,
      },
      {
        ...result,
        name: `first-rollout-${name}`,
        unit: 'ms from fit to the first result',
        ours: spreadOf(figures.map(({ firstMs }) => firstMs)),
      },
    ]
  })
}

export const strategyOverhead: Scenario = {
  name: 'strategies',
  title: 'what a rollout costs under each strategy, and how long the first one takes',
  run,
}
