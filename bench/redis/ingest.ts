import type { NewSpan } from '@agl/types'
import { interleave } from '../lib/interleave.ts'
import { spreadOf } from '../lib/measure.ts'
import type { RedisServer } from '../lib/redis-server.ts'
import { atLeast, atMost, constantPeer, measuredPeer, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { openRawRedis } from '../peers/raw-redis.ts'
import { meanBytes, type SpanKind, spanTexts } from '../peers/spans.ts'
import { claimNew } from '../store/stores.ts'
import { inFlight, measureRedis, perSecond, type RedisCost } from './measure.ts'
import { openRedisStore, persistence, sharedRedis } from './shared.ts'

const batch = 16
const width = 64

interface Ingested extends RedisCost {
  readonly bytesPerSpan: number
}

/** Scenario 8: batches of spans; beside the same bodies pushed to lists, which nobody could find again by id. */
export const ingests: readonly Scenario[] = persistence.flatMap(({ suffix, title, isAppendOnly }) =>
  (['std', 'tok'] as const).map((kind) => ({
    name: `redis-span-ingest-${kind}${suffix}`,
    title: `${kind} spans in batches of ${batch} (${title}); beside RPUSH`,
    run: async (context): Promise<readonly Result[]> => {
      const server = await sharedRedis(context)
      await server.flush()
      await server.setAppendOnly(isAppendOnly)
      const batches = Math.floor((context.isShort ? 250 : 1000) / (kind === 'std' ? 1 : 4))
      const texts = spanTexts(kind, 256)
      const { ours, peer } = await interleave(context, {
        ours: () => addSpans(server, kind, batches),
        peer: () => pushSpans(server, texts, batches),
      })
      await server.setAppendOnly(false)
      const name = `redis-span-ingest-${kind}${suffix}`
      const json = meanBytes(texts)
      return [
        {
          name,
          unit: 'spans/s',
          better: 'higher',
          ours: spreadOf(ours.map(perSecond)),
          peer: measuredPeer('RPUSH', peer.map(perSecond)),
          target: atLeast('ratio', 0.5),
          note: `${formatNumber(batches * batch)} spans of ${formatNumber(json)} B JSON, ${width} batches in flight`,
        },
        {
          name: `${name}-redis-cpu`,
          unit: 'us CPU/span',
          better: 'lower',
          ours: spreadOf(ours.map(({ redisUs }) => redisUs)),
          peer: measuredPeer(
            'RPUSH',
            peer.map(({ redisUs }) => redisUs),
          ),
          target: null,
        },
        {
          name: `${name}-node-cpu`,
          unit: 'us CPU/span',
          better: 'lower',
          ours: spreadOf(ours.map(({ cpuUs }) => cpuUs)),
          peer: measuredPeer(
            'RPUSH',
            peer.map(({ cpuUs }) => cpuUs),
          ),
          target: null,
        },
        {
          name: `${name}-bytes`,
          unit: 'B/span in Redis',
          better: 'lower',
          ours: spreadOf(ours.map(({ bytesPerSpan }) => bytesPerSpan)),
          peer: constantPeer('its JSON', json),
          target: atMost('ratio', 1.1),
        },
      ]
    },
  })),
)

async function addSpans(server: RedisServer, kind: SpanKind, batches: number): Promise<Ingested> {
  await server.flush()
  const store = await openRedisStore(server)
  const keys = await claimNew(store, Math.ceil(batches / 4))
  const texts = spanTexts(kind, 256)
  const fresh: readonly (readonly NewSpan[])[] = Array.from({ length: batches }, (_, index) => {
    const { rolloutId, attemptId } = keys[index % keys.length]!
    return Array.from({ length: batch }, (__, place) => {
      const { sequence_id: _sequence, ...span } = JSON.parse(texts[(index + place) % texts.length]!)
      const id = (index * batch + place).toString(16).padStart(16, '0')
      return { ...span, rollout_id: rolloutId, attempt_id: attemptId, span_id: id } as NewSpan
    })
  })
  const before = await server.usedBytes()
  let stored = 0
  const cost = await measureRedis(server, batches * batch, () =>
    inFlight(batches, width, async (index) => {
      const added = await store.addManySpans({ spans: fresh[index]! })
      stored += added.length
    }),
  )
  if (stored !== batches * batch) throw new Error(`Expected ${batches * batch} spans to be stored; got ${stored}.`)
  const bytesPerSpan = ((await server.usedBytes()) - before) / stored
  await store.close()
  return { ...cost, bytesPerSpan }
}

async function pushSpans(server: RedisServer, texts: readonly string[], batches: number): Promise<RedisCost> {
  await server.flush()
  const raw = openRawRedis(server.port)
  const bodies = Array.from({ length: texts.length }, (_, index) =>
    Array.from({ length: batch }, (__, place) => texts[(index + place) % texts.length]!),
  )
  const cost = await measureRedis(server, batches * batch, () =>
    inFlight(batches, width, (index) => raw.append(`spans:${index >> 2}`, bodies[index % bodies.length]!)),
  )
  raw.close()
  return cost
}
