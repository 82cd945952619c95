import type { EnqueueRolloutRequest, LightningStore } from '@agl/types'
import { interleave } from '../lib/interleave.ts'
import { spreadOf } from '../lib/measure.ts'
import { openRedisServer, type RedisServer } from '../lib/redis-server.ts'
import { atMost, measuredPeer, type Result } from '../lib/result.ts'
import type { BenchContext, Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { createSpanFactory, spanTexts } from '../peers/spans.ts'
import { address, parseFreshNew, withoutSequence } from '../store/fresh-spans.ts'
import { claimNew, keyOf } from '../store/stores.ts'
import { inFlight, measureRedis, type RedisCost } from './measure.ts'
import { openRedisStore } from './shared.ts'

const few = 10_000
const batch = 1_000
const width = 20
const texts = withoutSequence(spanTexts('std', 256))
const { integer } = createSpanFactory(7)

/** A store in a Redis of its own. */
interface Filled {
  readonly server: RedisServer
  store: LightningStore
  /** Some of the stored rollouts, from all ages. */
  known: readonly string[]
}

/** Each prepares what it needs outside the measurement. */
const measureVerb: Readonly<Record<string, (filled: Filled, operations: number) => Promise<RedisCost>>> = {
  enqueue: ({ server, store }, operations) => {
    const requests = tasks(operations)
    return measureRedis(server, operations, () => inFlight(operations, width, (index) => store.enqueueRollout(requests[index]!)))
  },
  claim: async ({ server, store }, operations) => {
    await store.enqueueManyRollouts({ rollouts: tasks(operations) })
    const claim = (index: number): Promise<unknown> => store.dequeueRollout({ workerId: `w${index % 64}` })
    return measureRedis(server, operations, () => inFlight(operations, width, claim))
  },
  get: ({ server, store, known }, operations) => {
    const ids = Array.from({ length: operations }, () => known[integer(0, known.length - 1)]!)
    const get = (index: number): Promise<unknown> => store.getRolloutById({ rolloutId: ids[index]! })
    return measureRedis(server, operations, () => inFlight(operations, width, get))
  },
  update: async ({ server, store }, operations) => {
    const keys = await claimNew(store, operations)
    const update = (index: number): Promise<unknown> => store.updateAttempt({ ...keys[index]!, status: 'succeeded' })
    return measureRedis(server, operations, () => inFlight(operations, width, update))
  },
  wait: async ({ server, store }, operations) => {
    const keys = await claimNew(store, operations)
    return measureRedis(server, operations, async () => {
      const waits = keys.map(({ rolloutId }) => store.waitForRollouts({ rolloutIds: [rolloutId], timeoutMs: 60_000 }))
      await inFlight(operations, width, (index) => store.updateAttempt({ ...keys[index]!, status: 'succeeded' }))
      await Promise.all(waits)
    })
  },
  span: async ({ server, store }, operations) => {
    const keys = await claimNew(store, Math.ceil(operations / 10))
    const spans = parseFreshNew(texts, operations)
    for (const [index, span] of spans.entries()) address(span, keys[index % keys.length]!, index)
    return measureRedis(server, operations, () => inFlight(operations, width, (index) => store.addSpan(spans[index]!)))
  },
}

let shared: Promise<{ readonly many: Filled; readonly few: Filled; readonly stored: number }> | null = null

/** The cost of a verb must not grow with what the store holds. One scenario per verb; all share the two filled stores. */
export const flatCosts: readonly Scenario[] = Object.entries(measureVerb).map(([verb, measure]) => ({
  name: `redis-flat-cost-${verb}`,
  title: `${verb} with 1.3M rollouts stored; beside 10k stored`,
  run: async (context): Promise<readonly Result[]> => {
    shared ??= openPair(context)
    const pair = await shared
    const operations = context.isShort ? 500 : 2_000
    // What is measured adds to the store: the small one begins anew with each verb, or it would not stay small.
    await refill(pair.few, few)
    const { ours, peer } = await interleave(
      { rounds: context.rounds + 2, warmUps: 2 },
      { ours: () => measure(pair.many, operations), peer: () => measure(pair.few, operations) },
    )
    const redis = (costs: readonly RedisCost[]): readonly number[] => costs.map(({ redisUs }) => redisUs)
    return [
      {
        name: `redis-flat-cost-${verb}`,
        unit: 'us Redis CPU',
        better: 'lower',
        ours: spreadOf(redis(ours)),
        peer: measuredPeer(`${formatNumber(few)} stored`, redis(peer)),
        target: atMost('ratio', 1.3),
        note: `${formatNumber(pair.stored)} stored; ${formatNumber(operations)} operations a round, ${width} in flight`,
      },
    ]
  },
}))

async function openPair(
  context: BenchContext,
): Promise<{ readonly many: Filled; readonly few: Filled; readonly stored: number }> {
  const open = async (): Promise<Filled> => {
    const server = await openRedisServer()
    const filled: Filled = { server, store: await openRedisStore(server), known: [] }
    context.onEnd(async () => {
      await filled.store.close()
      await server.close()
    })
    return filled
  }
  // Well past the number of keys (two a rollout) at which Redis resizes its table, so that it does not do so while it is measured.
  const stored = context.isShort ? 50_000 : 1_300_000
  const pair = { many: await open(), few: await open(), stored }
  await refill(pair.many, stored)
  return pair
}

/** Four fifths finished, the rest in the queue. */
async function refill(filled: Filled, count: number): Promise<void> {
  await filled.server.flush()
  await filled.store.close()
  const store = await openRedisStore(filled.server)
  const known: string[] = []
  for (let done = 0; done < count; done += batch) {
    const added = await store.enqueueManyRollouts({ rollouts: tasks(batch) })
    for (const [index, { rollout_id: id }] of added.entries()) if (index % 10 === 0) known.push(id)
    const claimed = await store.dequeueManyRollouts({ limit: (batch * 4) / 5, workerId: `w${(done / batch) % 64}` })
    await Promise.all(claimed.map((rollout) => store.updateAttempt({ ...keyOf(rollout), status: 'succeeded' })))
  }
  filled.store = store
  filled.known = known
}

function tasks(count: number): readonly EnqueueRolloutRequest[] {
  return Array.from({ length: count }, (_, index) => ({ input: { task: index } }))
}
