import type { AttemptedRollout } from '@agl/types'
import { interleave } from '../lib/interleave.ts'
import { spreadOf } from '../lib/measure.ts'
import { atMost, constantPeer, measuredPeer, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { spanTexts } from '../peers/spans.ts'
import { type Driver, openDriver } from './driver.ts'

const statistics = {
  timestamp: '2026-11-20T09:00:00',
  host: 'host',
  os: 'Linux',
  cpu_name: 'EPYC',
  cpu_cores: 2,
  cpu_usage_pct: 12.5,
  mem_used_gb: 1,
  mem_total_gb: 24,
  mem_pct: 4.2,
  disk_used_gb: 100,
  disk_total_gb: 200,
  disk_pct: 50,
}

interface Micro {
  readonly name: string
  readonly title: string
  readonly operations: number
  /** Server CPU of the Python reference, in microseconds, and how many times less ours may take. */
  readonly reference: { readonly cpuUs: number; readonly times: number }
  readonly prepare?: (driver: Driver, operations: number) => Promise<void>
  readonly operate: (driver: Driver, index: number) => Promise<unknown>
}

const enqueue = async (driver: Driver, count: number): Promise<void> => {
  for (let done = 0; done < count; done += 512) {
    const rollouts = Array.from({ length: Math.min(512, count - done) }, (_, index) => ({ input: { task: done + index } }))
    await driver.post('/queues/rollouts/enqueue', { rollouts })
  }
}

const spansOf = (kind: 'std' | 'ref32'): readonly object[] => spanTexts(kind, 64).map((text) => JSON.parse(text) as object)
const stdSpans = spansOf('std')
const refSpans = spansOf('ref32')

const idsOf = ({ rollout_id, attempt }: AttemptedRollout): { readonly rollout_id: string; readonly attempt_id: string } => ({
  rollout_id,
  attempt_id: attempt.attempt_id,
})

async function succeed(driver: Driver, { rollout_id: id, attempt }: AttemptedRollout): Promise<void> {
  await driver.post(`/rollouts/${id}/attempts/${attempt.attempt_id}`, { status: 'succeeded' })
}

let spanIds = 0

const micros: readonly Micro[] = [
  {
    name: 'worker',
    title: 'a heartbeat with a system snapshot',
    operations: 4000,
    reference: { cpuUs: 675, times: 10 },
    operate: (driver, index) => driver.post(`/workers/Worker-${index % 1024}`, { heartbeat_stats: statistics }),
  },
  {
    name: 'dequeue-empty',
    title: 'a dequeue of an empty queue and a heartbeat',
    operations: 3000,
    reference: { cpuUs: 1390, times: 15 },
    async operate(driver, index) {
      await driver.post('/queues/rollouts/dequeue', { worker_id: `Worker-${index % 1024}` })
      await driver.post(`/workers/Worker-${index % 1024}`, { heartbeat_stats: statistics })
    },
  },
  {
    name: 'enqueue',
    title: 'one rollout per request',
    operations: 4000,
    reference: { cpuUs: 738, times: 15 },
    operate: (driver, index) => driver.post('/queues/rollouts/enqueue', { rollouts: [{ input: { task: index } }] }),
  },
  {
    name: 'dequeue-only',
    title: 'dequeues of a full queue',
    operations: 4000,
    reference: { cpuUs: 781, times: 15 },
    prepare: enqueue,
    operate: (driver) => driver.post('/queues/rollouts/dequeue', {}),
  },
  {
    name: 'rollout',
    title: 'start, 4 std spans, succeeded: 6 requests',
    operations: 800,
    reference: { cpuUs: 6343, times: 15 },
    async operate(driver, index) {
      const claimed = (await driver.post('/rollouts', { input: { task: index } })) as AttemptedRollout
      for (let sequence = 1; sequence <= 4; sequence++) {
        const own = { ...idsOf(claimed), sequence_id: sequence, span_id: `s${++spanIds}` }
        await driver.post('/spans', { ...stdSpans[(index + sequence) % 64], ...own })
      }
      await succeed(driver, claimed)
    },
  },
  {
    name: 'dequeue-update-attempt',
    title: 'dequeue, 4 x (sequence id, ref32 span), succeeded: 10 requests',
    operations: 500,
    reference: { cpuUs: 9657, times: 15 },
    prepare: enqueue,
    async operate(driver, index) {
      const [claimed] = (await driver.post('/queues/rollouts/dequeue', { worker_id: `Worker-${index % 512}` })) as [
        AttemptedRollout,
      ]
      for (let count = 0; count < 4; count++) {
        const ids = idsOf(claimed)
        const { sequence_id } = (await driver.post('/spans/next', ids)) as { readonly sequence_id: number }
        await driver.post('/spans', { ...refSpans[(index + count) % 64], ...ids, sequence_id, span_id: `s${++spanIds}` })
      }
      await succeed(driver, claimed)
    },
  },
]

async function run({ operations, prepare, operate }: Micro, driver: Driver, share: number): Promise<number> {
  const count = Math.max(64, Math.round(operations * share))
  await prepare?.(driver, count)
  return driver.measure(count, (index) => operate(driver, index))
}

/** Scenario 3: the micro benchmarks of the Python reference, over 64 connections; CPU time of the server. */
export const restMicros: readonly Scenario[] = micros.map((micro) => ({
  name: `rest-micro-${micro.name}`,
  title: `${micro.title}; beside express over a Map`,
  run: async ({ isShort, rounds }) => {
    const share = isShort ? 0.25 : 1
    const [mine, bare] = await Promise.all([openDriver('ours'), openDriver('express')])
    const { ours, peer } = await interleave(
      { rounds, warmUps: 2 },
      { ours: () => run(micro, mine, share), peer: () => run(micro, bare, share) },
    )
    await Promise.all([mine.close(), bare.close()])
    const { cpuUs, times } = micro.reference
    const shared = { unit: 'us server CPU', better: 'lower', ours: spreadOf(ours) } as const
    const results: readonly Result[] = [
      {
        ...shared,
        name: `rest-micro-${micro.name}`,
        peer: measuredPeer('express over a Map', peer),
        target: atMost('ratio', 1.5),
        note: micro.title,
      },
      {
        ...shared,
        name: `rest-micro-${micro.name}-reference`,
        peer: constantPeer('Python reference, frozen', cpuUs),
        target: atMost('ratio', Number((1 / times).toPrecision(3))),
      },
    ]
    return results
  },
}))
