import { readFileSync } from 'node:fs'
import { agentModule, createTrainer, type StrategyChoice } from '@agl/trainer'
import type { AlgorithmContext } from '@agl/types'
import { spreadOf } from '../lib/measure.ts'
import { NotAvailable, type BenchContext, type Scenario } from '../lib/scenario.ts'
import type { Result } from '../lib/result.ts'

interface Strategy {
  readonly name: string
  readonly choice: StrategyChoice
  /** Whether each runner is a process. */
  readonly hasChildren: boolean
}

const strategies: readonly Strategy[] = [
  { name: 'shm', choice: 'shm', hasChildren: false },
  { name: 'ipc', choice: 'ipc', hasChildren: true },
  { name: 'cs', choice: { type: 'cs', port: 0, drainMs: 100 }, hasChildren: true },
]

/** So many rollouts run at once; 64 processes would measure how a small machine starts and switches them. */
const sizes: readonly { readonly runners: number; readonly processes: number }[] = [
  { runners: 1, processes: 1 },
  { runners: 8, processes: 8 },
  { runners: 64, processes: 8 },
]

/** Rollouts of each process before those that are measured. */
const warmUp = { short: 40, full: 300 }
/** Of `/proc`: hundredths of a second on every Linux there is. */
const microsecondsPerTick = 10_000

function childrenOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((child) => child !== '')
}

/** All threads of another process, in microseconds. */
function cpuOf(pid: string): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick
}

function cpuOfAll(children: readonly string[]): number {
  const { user, system } = process.cpuUsage()
  return children.reduce((sum, child) => sum + cpuOf(child), user + system)
}

function residentMiB(pid: string): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
}

async function runTasks({ store, signal }: AlgorithmContext, count: number): Promise<void> {
  const rollouts = await store.enqueueManyRollouts({ rollouts: Array.from({ length: count }, (_, input) => ({ input })) })
  await store.waitForRollouts({ rolloutIds: rollouts.map(({ rollout_id: id }) => id), signal })
}

interface Figures {
  readonly firstMs: number
  readonly cpuUs: number
  readonly rate: number
  readonly childMiB: number
}

async function measure(
  { choice, hasChildren }: Strategy,
  { runners, processes }: (typeof sizes)[number],
  { count, warmUps }: { readonly count: number; readonly warmUps: number },
): Promise<Figures> {
  const start = performance.now()
  const trainer = createTrainer<Figures>({
    strategy: choice,
    nRunners: hasChildren ? processes : runners,
    runner: { concurrency: hasChildren ? runners / processes : 1 },
    algorithm: {
      name: 'overhead',
      async run(context) {
        await runTasks(context, 1)
        const firstMs = performance.now() - start
        // So that every process has begun, and most of its code is compiled.
        await runTasks(context, warmUps * processes)
        const children = childrenOf(process.pid)
        const cpuBefore = cpuOfAll(children)
        const wallBefore = performance.now()
        await runTasks(context, count)
        const seconds = (performance.now() - wallBefore) / 1000
        const childMiB = children.reduce((most, child) => Math.max(most, residentMiB(child)), 0)
        return { firstMs, cpuUs: (cpuOfAll(children) - cpuBefore) / count, rate: count / seconds, childMiB }
      },
    },
  })
  const figures = await trainer.fit(agentModule(new URL('agents.ts', import.meta.url), 'idle'), [])
  await trainer.store.close()
  return figures!
}

async function run({ isShort, rounds }: BenchContext): Promise<readonly Result[]> {
  if (process.platform !== 'linux') throw new NotAvailable('The CPU time of other processes is read from /proc.')
  const count = isShort ? 400 : 4000
  const warmUps = isShort ? warmUp.short : warmUp.full
  const cases = sizes.flatMap((size) => strategies.map((strategy) => ({ size, strategy, figures: [] as Figures[] })))
  for (let round = 0; round < (isShort ? 1 : rounds); round++) {
    for (const { size, strategy, figures } of cases) figures.push(await measure(strategy, size, { count, warmUps }))
  }
  return cases.flatMap(({ size, strategy, figures }) => resultsOf(strategy, size, figures, count))
}

function resultsOf(
  { name, hasChildren }: Strategy,
  { runners, processes }: (typeof sizes)[number],
  figures: readonly Figures[],
  count: number,
): readonly Result[] {
  const none = { peer: null, target: null }
  const spread = (of: (each: Figures) => number): Result['ours'] => spreadOf(figures.map(of))
  const place = hasChildren
    ? `${processes} process(es) x ${runners / processes}, of at most ${Math.round(spread(({ childMiB }) => childMiB).max)} MiB`
    : 'in this process'
  return [
    {
      ...none,
      name: `rate-${name}-${runners}`,
      unit: 'rollouts/s',
      better: 'higher',
      ours: spread(({ rate }) => rate),
      note: `${count} rollouts of an agent that does nothing; ${runners} at once, ${place}`,
    },
    {
      ...none,
      name: `rollout-${name}-${runners}`,
      unit: 'µs CPU of all processes',
      better: 'lower',
      ours: spread(({ cpuUs }) => cpuUs),
    },
    ...(runners > 1
      ? []
      : [
          {
            ...none,
            name: `first-rollout-${name}`,
            unit: 'ms from fit to the first result',
            better: 'lower' as const,
            ours: spread(({ firstMs }) => firstMs),
          },
        ]),
  ]
}

export const strategyOverhead: Scenario = {
  name: 'strategies',
  title:
    'rollouts a second of an agent that does nothing, what one costs, and how long the first takes, with 1, 8 and 64 runners',
  run,
}
