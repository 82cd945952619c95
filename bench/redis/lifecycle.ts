import type { EnqueueRolloutRequest, LightningStore, NewSpan } from '@agl/types'
import { Queue, Worker } from 'bullmq'
import { interleave } from '../lib/interleave.ts'
import { spreadOf } from '../lib/measure.ts'
import type { RedisServer } from '../lib/redis-server.ts'
import { atLeast, atMost, measuredPeer, type Result, type Target } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { spanTexts } from '../peers/spans.ts'
import { inFlight, measureRedis, perSecond, type RedisCost } from './measure.ts'
import { openRedisStore, persistence, sharedRedis } from './shared.ts'

const width = 100

/** About 300 bytes, for both sides. */
const task: EnqueueRolloutRequest = {
  input: 'x'.repeat(200),
  mode: 'train',
  resources_id: 'rs-1',
  config: { timeout_seconds: 30, unresponsive_seconds: null, max_attempts: 3, retry_condition: ['timeout'] },
  metadata: {},
}

/** Scenario 6: enqueue, claim, spans, finish; beside what BullMQ does for a job, which has neither attempts nor spans. */
export const lifecycles: readonly Scenario[] = persistence.flatMap(({ suffix, title, isAppendOnly }) =>
  [0, 10].map((spans) => ({
    name: `redis-lifecycle-${spans}${suffix}`,
    title: `enqueue, claim, ${spans} spans, finish (${title}); beside add and process of BullMQ`,
    run: async (context): Promise<readonly Result[]> => {
      const server = await sharedRedis(context)
      await server.flush()
      await server.setAppendOnly(isAppendOnly)
      const count = (context.isShort ? 2000 : 10_000) / (spans === 0 ? 1 : 2)
      const { ours, peer } = await interleave(context, {
        ours: () => runStore(server, count, spans),
        peer: () => runBullmq(server, count),
      })
      await server.setAppendOnly(false)
      const figures = (
        name: string,
        unit: string,
        better: Result['better'],
        of: (cost: RedisCost) => number,
        target: Target | null,
      ): Result => ({
        name: `redis-lifecycle-${spans}${suffix}${name}`,
        unit,
        better,
        ours: spreadOf(ours.map(of)),
        peer: measuredPeer('BullMQ', peer.map(of)),
        target,
      })
      return [
        {
          ...figures('', 'rollouts/s', 'higher', perSecond, atLeast('ratio', spans === 0 ? 1.7 : 0.9)),
          note: `${formatNumber(count)} rollouts, ${width} in flight, one Node process for all sides of the queue`,
        },
        figures('-redis-cpu', 'us CPU', 'lower', ({ redisUs }) => redisUs, spans === 0 ? atMost('ratio', 0.5) : null),
        figures('-node-cpu', 'us CPU', 'lower', ({ cpuUs }) => cpuUs, null),
      ]
    },
  })),
)

const texts = spanTexts('std', 256)

/** Fresh ones, made before the clock starts: a store may keep what it is given. */
function spansFor(count: number, each: number): readonly (readonly NewSpan[])[] {
  return Array.from({ length: count }, (_, index) =>
    Array.from({ length: each }, (__, place) => {
      const { sequence_id: _sequence, ...span } = JSON.parse(texts[(index + place) % texts.length]!)
      return { ...span, span_id: (index * each + place).toString(16).padStart(16, '0') } as NewSpan
    }),
  )
}

async function runStore(server: RedisServer, count: number, each: number): Promise<RedisCost> {
  await server.flush()
  const store = await openRedisStore(server)
  await live(store, 0, [])
  const spans = spansFor(each === 0 ? 0 : count, each)
  const cost = await measureRedis(server, count, () => inFlight(count, width, (index) => live(store, index, spans[index] ?? [])))
  const { total } = await store.queryRollouts({ statusIn: ['succeeded'], limit: 0 })
  if (total !== count + 1) throw new Error(`Expected ${count + 1} finished rollouts; got ${total}.`)
  await store.close()
  return cost
}

async function live(store: LightningStore, index: number, spans: readonly NewSpan[]): Promise<void> {
  await store.enqueueRollout(task)
  const claimed = await store.dequeueRollout({ workerId: `w${index % 64}` })
  if (claimed === null) throw new Error('The queue is empty.')
  const key = { rollout_id: claimed.rollout_id, attempt_id: claimed.attempt.attempt_id }
  if (spans.length > 0) await store.addManySpans({ spans: spans.map((span) => Object.assign(span, key)) })
  await store.updateAttempt({ rolloutId: key.rollout_id, attemptId: key.attempt_id, status: 'succeeded' })
}

async function runBullmq(server: RedisServer, count: number): Promise<RedisCost> {
  await server.flush()
  const connection = { host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null }
  const queue = new Queue('bench', { connection })
  await queue.waitUntilReady()
  const { promise: done, resolve } = Promise.withResolvers<void>()
  const worker = new Worker('bench', async () => {}, { connection, concurrency: width })
  await worker.waitUntilReady()
  let left = count + 1
  worker.on('completed', () => {
    if (--left === 0) resolve()
  })
  await queue.add('task', task)
  const cost = await measureRedis(server, count, async () => {
    await inFlight(count, width, () => queue.add('task', task, { attempts: 3 }))
    await done
  })
  await worker.close()
  await queue.close()
  return cost
}
