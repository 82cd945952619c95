import { createStoreClient, type StoreClient } from '@agl/store-http/client'
import type { LightningStore, Rollout } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import type { ServerVerbs } from '../http/server-child.ts'
import { openChild } from '../lib/child.ts'
import { spreadOf } from '../lib/measure.ts'
import { atLeast, atMost, constantPeer, type Result, type Target } from '../lib/result.ts'
import type { BenchContext, Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import type { ScenarioTask } from './scenario-agent.ts'
import type { RunnerVerbs } from './scenario-runners.ts'

/**
 * The six published scenarios of the Python reference (0.3.0, `.github/workflows/benchmark.yml`), with their shapes and fewer tasks: a
 * server with the memory store, an algorithm, and runners, each in a process of its own, over HTTP.
 */
interface Shape {
  readonly name: string
  readonly runners: number
  readonly maxRounds: number
  /** Seconds. */
  readonly sleep: number
  /** Tasks enqueued at once. */
  readonly batch: number
  /** The next batch comes when fewer than this are unfinished; 0: when none is. */
  readonly remaining: number
  readonly tasks: { readonly short: number; readonly full: number }
  /** Rollouts a second on 32 to 64 processors, as published. */
  readonly reference: number
  readonly targets: { readonly ideal?: Target; readonly rate?: Target; readonly cpu?: Target }
}

const shapes: readonly Shape[] = [
  {
    name: 'minimal',
    runners: 32,
    maxRounds: 6,
    sleep: 0.5,
    batch: 256,
    remaining: 0,
    tasks: { short: 64, full: 512 },
    reference: 9.06,
    targets: {},
  },
  {
    name: 'medium',
    runners: 100,
    maxRounds: 10,
    sleep: 0.1,
    batch: 1000,
    remaining: 0,
    tasks: { short: 500, full: 3000 },
    reference: 23.26,
    targets: { ideal: atLeast('value', 85) },
  },
  {
    name: 'mid-high',
    runners: 300,
    maxRounds: 6,
    sleep: 0.1,
    batch: 2048,
    remaining: 0,
    tasks: { short: 1000, full: 6144 },
    reference: 24.42,
    targets: {},
  },
  {
    name: 'large',
    runners: 1000,
    maxRounds: 3,
    sleep: 0.1,
    batch: 8192,
    remaining: 0,
    tasks: { short: 2000, full: 8192 },
    reference: 14.6,
    targets: { rate: atLeast('value', 400) },
  },
  {
    name: 'long-queue',
    runners: 256,
    maxRounds: 4,
    sleep: 0.1,
    batch: 1024,
    remaining: 4096,
    tasks: { short: 2000, full: 10_000 },
    reference: 30.86,
    targets: { ideal: atLeast('value', 85), cpu: atMost('value', 1) },
  },
  {
    name: 'heavy-trace',
    runners: 512,
    maxRounds: 20,
    sleep: 1,
    batch: 1024,
    remaining: 256,
    tasks: { short: 200, full: 2048 },
    reference: 13.28,
    targets: {},
  },
]

/** Sleep of a rollout on average: of half the rounds and one, two steps each, and the last. */
const meanSleep = ({ maxRounds, sleep }: Shape): number => ((maxRounds + 2) * sleep) / 2

/** How many processes the runners are spread over: one core each is what a machine of four would give. */
const processes = 2

/** Enqueues, waits and looks at every result, as the algorithm of the reference does. */
async function runAlgorithm(store: StoreClient, shape: Shape, total: number): Promise<void> {
  const open = new Set<string>()
  const left = Array.from({ length: total }, (_, index): ScenarioTask => {
    return { seed: index + 1, maxRounds: shape.maxRounds, sleep: shape.sleep }
  })
  const enqueue = async (): Promise<void> => {
    const rollouts = left.splice(0, shape.batch).map((task) => ({ input: { ...task }, mode: 'train' as const }))
    for (const { rollout_id: id } of await store.enqueueManyRollouts({ rollouts })) open.add(id)
  }
  const check = async ({ rollout_id: rolloutId, status, input }: Rollout): Promise<void> => {
    const { items } = await store.querySpans({ rolloutId, attemptId: 'latest', limit: -1 })
    const reward = findFinalReward(items)
    const isSeen = items.some(({ attributes }) => attributes['task'] === (input as unknown as ScenarioTask).seed)
    if (status !== 'succeeded' || !isSeen || reward === null || reward < 1 || reward > 2) {
      throw new Error(`rollout ${rolloutId} is ${status} with reward ${reward} and ${items.length} spans`)
    }
  }
  while (left.length > 0 || open.size > 0) {
    while (left.length > 0 && open.size <= shape.remaining) await enqueue()
    const wanted = left.length === 0 || shape.remaining === 0 ? open.size : open.size - shape.remaining
    const answered = await store.waitForRollouts({
      rolloutIds: [...open].slice(0, 2000),
      // Less and less towards the end, so that little is left to be read when the last one ends and the runners wait for more.
      atLeast: Math.max(1, Math.min(Math.ceil(wanted / 4), 64)),
    })
    const finished = [...answered]
    for (const { rollout_id: id } of finished) open.delete(id)
    // Not all at once: the runners would wait behind the reading.
    while (finished.length > 0) await Promise.all(finished.splice(0, 8).map(check))
  }
}

async function measure(shape: Shape, total: number) {
  const clients: LightningStore[] = []
  const server = openChild<ServerVerbs>(new URL('../http/server-child.ts', import.meta.url))
  const runners = Array.from({ length: processes }, () => openChild<RunnerVerbs>(new URL('scenario-runners.ts', import.meta.url)))
  try {
    const { port } = await server.call('start', 'ours, large')
    const url = `http://127.0.0.1:${port}`
    const store = await createStoreClient({ url })
    clients.push(store)
    for (const child of runners) await child.call('start', { url, concurrency: shape.runners / processes })
    const cpuBefore = await server.call('cpu', null)
    const ownBefore = process.cpuUsage()
    const start = performance.now()
    await runAlgorithm(store, shape, total)
    const seconds = (performance.now() - start) / 1000
    const own = process.cpuUsage(ownBefore)
    const serverUs = (await server.call('cpu', null)) - cpuBefore
    const { total_spans: spans } = await store.statistics()
    const ended = await Promise.all(runners.map((child) => child.call('stop', null)))
    const attempts = ended.reduce((sum, each) => sum + each.attempts, 0)
    if (attempts !== total) throw new Error(`${attempts} attempts of ${total} rollouts`)
    const runnerUs = ended.reduce((sum, each) => sum + each.cpuUs, 0)
    return {
      rate: total / seconds,
      serverMs: serverUs / 1000 / total,
      runnerMs: runnerUs / 1000 / total,
      algorithmMs: (own.user + own.system) / 1000 / total,
      spans: spans / total,
      seconds,
    }
  } finally {
    // Clients and children that are left behind would keep this process.
    await Promise.all(clients.map((client) => client.close()))
    await Promise.all([server, ...runners].map((child) => child.close()))
  }
}

const scenarioOf = (shape: Shape): Scenario => ({
  name: `scenario-${shape.name}`,
  title: `${shape.runners} runners, up to ${shape.maxRounds} rounds, sleeps up to ${shape.sleep} s: beside what the sleeps allow`,
  async run({ isShort }: BenchContext): Promise<readonly Result[]> {
    const total = isShort ? shape.tasks.short : shape.tasks.full
    const { rate, serverMs, runnerMs, algorithmMs, spans, seconds } = await measure(shape, total)
    const ideal = shape.runners / meanSleep(shape)
    const { targets, reference } = shape
    const name = `scenario-${shape.name}`
    return [
      {
        name,
        unit: 'rollouts/s',
        better: 'higher',
        ours: spreadOf([rate]),
        peer: constantPeer('Python reference, published', reference),
        target: targets.rate ?? null,
        note: `${formatNumber(total)} rollouts in ${seconds.toFixed(1)} s, ${spans.toFixed(1)} spans each; the reference ran on 32 to 64 processors`,
      },
      {
        name: `${name}-ideal`,
        unit: '% of what the sleeps allow',
        better: 'higher',
        ours: spreadOf([(100 * rate) / ideal]),
        peer: constantPeer('Python reference, published', (100 * reference) / ideal),
        target: targets.ideal ?? null,
        note: `they allow ${formatNumber(ideal)} rollouts/s; the last rollouts of a batch run with idle runners`,
      },
      {
        name: `${name}-server-cpu`,
        unit: 'ms server CPU/rollout',
        better: 'lower',
        ours: spreadOf([serverMs]),
        peer: null,
        target: targets.cpu ?? null,
      },
      {
        name: `${name}-runner-cpu`,
        unit: 'ms runner CPU/rollout',
        better: 'lower',
        ours: spreadOf([runnerMs]),
        peer: null,
        target: null,
        note: `in ${processes} processes, their start included`,
      },
      {
        name: `${name}-algorithm-cpu`,
        unit: 'ms algorithm CPU/rollout',
        better: 'lower',
        ours: spreadOf([algorithmMs]),
        peer: null,
        target: null,
        note: 'which reads every span of every rollout',
      },
    ]
  },
})

export const publishedScenarios: readonly Scenario[] = shapes.map(scenarioOf)
