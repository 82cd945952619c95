import { Queue } from 'bullmq'
import { openChild } from '../lib/child.ts'
import { interleave } from '../lib/interleave.ts'
import { nextTimer } from '../lib/loop-delay.ts'
import { percentile, spreadOf } from '../lib/measure.ts'
import type { RedisServer } from '../lib/redis-server.ts'
import { atMost, measuredPeer, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import type { WorkerVerbs } from './pickup-child.ts'
import { openRedisStore, persistence, sharedRedis } from './shared.ts'

const perSecond = 200

/** Scenario 9, the Redis half: how long work lies before a worker of another process, who waits for it, has it. */
export const pickups: readonly Scenario[] = persistence.map(({ suffix, title, isAppendOnly }) => ({
  name: `redis-pickup${suffix}`,
  title: `enqueue -> a worker of another process has it, ${perSecond} a second (${title}); beside BullMQ`,
  run: async (context): Promise<readonly Result[]> => {
    const server = await sharedRedis(context)
    await server.flush()
    await server.setAppendOnly(isAppendOnly)
    const count = context.isShort ? 200 : 1000
    const { ours, peer } = await interleave(context, {
      ours: () => measureOurs(server, count),
      peer: () => measureBullmq(server, count),
    })
    await server.setAppendOnly(false)
    const result = (rank: number, name: string): Result => ({
      name: `redis-pickup${suffix}${name}`,
      unit: `ms p${rank * 100}`,
      better: 'lower',
      ours: spreadOf(ours.map((latencies) => percentile(latencies, rank))),
      peer: measuredPeer(
        'BullMQ',
        peer.map((latencies) => percentile(latencies, rank)),
      ),
      target: rank === 0.5 ? atMost('ratio', 1.5) : null,
      ...(rank === 0.5 ? { note: `${formatNumber(count)} tasks, each from before the call that enqueues it` } : {}),
    })
    return [result(0.5, ''), result(0.99, '-p99')]
  },
}))

/** Sends at a steady rate, whatever comes of it: who waits for the answer hides how long the next one would have lain. */
async function openLoop(count: number, send: (index: number) => Promise<unknown>): Promise<void> {
  const sent: Promise<unknown>[] = []
  const start = performance.now()
  for (let index = 0; index < count; index++) {
    const early = start + (index * 1000) / perSecond - performance.now()
    if (early > 0) await nextTimer(early)
    sent.push(send(index))
  }
  await Promise.all(sent)
}

const now = (): number => performance.timeOrigin + performance.now()

async function measureOurs(server: RedisServer, count: number): Promise<readonly number[]> {
  await server.flush()
  const store = await openRedisStore(server)
  const worker = openChild<WorkerVerbs>(new URL('./pickup-child.ts', import.meta.url))
  await worker.call('start', { kind: 'ours', url: server.url, port: server.port, count })
  await openLoop(count, () => store.enqueueRollout({ input: { sent: now() } }))
  const latencies = await worker.call('latencies', null)
  await worker.close()
  await store.close()
  return latencies
}

async function measureBullmq(server: RedisServer, count: number): Promise<readonly number[]> {
  await server.flush()
  const queue = new Queue('bench', { connection: { host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null } })
  await queue.waitUntilReady()
  const worker = openChild<WorkerVerbs>(new URL('./pickup-child.ts', import.meta.url))
  await worker.call('start', { kind: 'bullmq', url: server.url, port: server.port, count })
  await openLoop(count, () => queue.add('task', { sent: now() }))
  const latencies = await worker.call('latencies', null)
  await worker.close()
  await queue.close()
  return latencies
}
