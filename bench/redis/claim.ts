import type { EnqueueRolloutRequest } from '@agl/types'
import { interleave } from '../lib/interleave.ts'
import { spreadOf } from '../lib/measure.ts'
import type { RedisServer } from '../lib/redis-server.ts'
import { atLeast, measuredPeer, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { openRawRedis } from '../peers/raw-redis.ts'
import { inFlight, measureRedis, perSecond, type RedisCost } from './measure.ts'
import { openRedisStore, persistence, sharedRedis } from './shared.ts'

const width = 100

/** Scenario 7: claims alone, from a full queue. */
export const claims: readonly Scenario[] = persistence.flatMap(({ suffix, title, isAppendOnly }) =>
  [1, 10].map((limit) => ({
    name: `redis-claim-${limit}${suffix}`,
    title: `claims of ${limit} from a full queue (${title}); beside a lean script`,
    run: async (context): Promise<readonly Result[]> => {
      const server = await sharedRedis(context)
      await server.flush()
      await server.setAppendOnly(isAppendOnly)
      const count = context.isShort ? 5000 : 20_000
      const { ours, peer } = await interleave(context, {
        ours: () => claimOurs(server, count, limit),
        peer: () => claimRaw(server, count, limit),
      })
      await server.setAppendOnly(false)
      const name = `redis-claim-${limit}${suffix}`
      const byRate = { unit: 'rollouts/s', better: 'higher' } as const
      const rates = { ours: spreadOf(ours.map(perSecond)), peer: measuredPeer('lean script', peer.map(perSecond)) }
      const cpu = (of: (cost: RedisCost) => number) => ({
        unit: 'us CPU',
        better: 'lower' as const,
        ours: spreadOf(ours.map(of)),
        peer: measuredPeer('lean script', peer.map(of)),
        target: null,
      })
      return [
        {
          name,
          ...byRate,
          ...rates,
          target: limit === 1 ? atLeast('ratio', 0.7) : atLeast('value', 100_000),
          note: `${formatNumber(count)} rollouts, ${limit === 1 ? width : 20} calls in flight`,
        },
        { name: `${name}-redis-cpu`, ...cpu(({ redisUs }) => redisUs) },
        { name: `${name}-node-cpu`, ...cpu(({ cpuUs }) => cpuUs) },
      ]
    },
  })),
)

const rollouts: readonly EnqueueRolloutRequest[] = Array.from({ length: 1000 }, () => ({
  input: 'x'.repeat(200),
  mode: 'train' as const,
}))

async function claimOurs(server: RedisServer, count: number, limit: number): Promise<RedisCost> {
  await server.flush()
  const store = await openRedisStore(server)
  for (let done = 0; done < count; done += rollouts.length) await store.enqueueManyRollouts({ rollouts })
  let claimed = 0
  const claim = async (index: number): Promise<void> => {
    const request = { workerId: `w${index % 64}`, leaseMs: 30_000 }
    const got =
      limit === 1
        ? Number((await store.dequeueRollout(request)) !== null)
        : (await store.dequeueManyRollouts({ ...request, limit })).length
    claimed += got
  }
  const cost = await measureRedis(server, count, () => inFlight(count / limit, limit === 1 ? width : 20, claim))
  if (claimed !== count) throw new Error(`Expected ${count} claims; got ${claimed}.`)
  await store.close()
  return cost
}

async function claimRaw(server: RedisServer, count: number, limit: number): Promise<RedisCost> {
  await server.flush()
  const raw = openRawRedis(server.port)
  await raw.fill(count)
  await raw.claimMany('w0', 0).catch(() => {})
  const claim = (index: number): Promise<unknown> =>
    limit === 1 ? raw.claim(`w${index % 64}`) : raw.claimMany(`w${index % 64}`, limit)
  const cost = await measureRedis(server, count, () => inFlight(count / limit, limit === 1 ? width : 20, claim))
  raw.close()
  return cost
}
