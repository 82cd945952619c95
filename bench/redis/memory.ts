import { createRedisStore } from '@agl/store-redis'
import type { LightningStore, NewSpan } from '@agl/types'
import { spreadOf } from '../lib/measure.ts'
import type { RedisServer } from '../lib/redis-server.ts'
import { constantPeer, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { meanBytes, spanTexts } from '../peers/spans.ts'
import { inFlight } from './measure.ts'
import { sharedRedis } from './shared.ts'

const inputBytes = 300
const spansEach = 10
const width = 64

/** What rollouts and spans take in the memory of Redis, by its own `used_memory`, for whoever plans for a million of them. */
export const memory: Scenario = {
  name: 'redis-memory',
  title: `memory of rollouts with ${inputBytes} B of input, waiting, finished, and finished with ${spansEach} std spans`,
  run: async (context): Promise<readonly Result[]> => {
    const rollouts = context.isShort ? 2_000 : 20_000
    const server = await sharedRedis(context)
    const texts = spanTexts('std', 256)
    const json = meanBytes(texts)
    const waiting = await bytesOf(server, rollouts, (store) => enqueue(store, rollouts))
    const finished = await bytesOf(server, rollouts, async (store) => {
      await enqueue(store, rollouts)
      await finishAll(store, rollouts, [])
    })
    const recorded = await bytesOf(server, rollouts, async (store) => {
      await enqueue(store, rollouts)
      await finishAll(store, rollouts, texts)
    })
    const note = `${formatNumber(rollouts)} rollouts, one worker, one attempt each`
    const figure = (name: string, unit: string, value: number, peer: Result['peer'] = null): Result => ({
      name: `redis-memory-${name}`,
      unit,
      better: 'lower',
      ours: spreadOf([value]),
      peer,
      target: null,
      note,
    })
    return [
      figure('waiting', 'B/rollout', waiting, constantPeer('its input', inputBytes)),
      figure('finished', 'B/rollout', finished, constantPeer('its input', inputBytes)),
      figure('with-spans', 'B/rollout', recorded),
      figure('span', 'B/span', (recorded - finished) / spansEach, constantPeer('its JSON', json)),
    ]
  },
}

async function bytesOf(server: RedisServer, rollouts: number, fill: (store: LightningStore) => Promise<void>): Promise<number> {
  await server.flush()
  const before = await server.usedBytes()
  const store = createRedisStore({ url: server.url, namespace: 'bench' })
  await fill(store)
  await store.close()
  return ((await server.usedBytes()) - before) / rollouts
}

async function enqueue(store: LightningStore, count: number): Promise<void> {
  // The quotes belong to the JSON.
  const input = 'x'.repeat(inputBytes - 2)
  const step = 500
  for (let from = 0; from < count; from += step) {
    await store.enqueueManyRollouts({ rollouts: Array.from({ length: Math.min(step, count - from) }, () => ({ input })) })
  }
}

async function finishAll(store: LightningStore, count: number, texts: readonly string[]): Promise<void> {
  await inFlight(count, width, async (index) => {
    const claimed = (await store.dequeueRollout({ workerId: 'bench', leaseMs: 600_000 }))!
    const { rollout_id: rolloutId, attempt } = claimed
    if (texts.length > 0) {
      const spans = Array.from({ length: spansEach }, (_, place): NewSpan => {
        const span = JSON.parse(texts[(index * spansEach + place) % texts.length]!) as NewSpan
        return { ...span, rollout_id: rolloutId, attempt_id: attempt.attempt_id, sequence_id: place + 1 }
      })
      await store.addManySpans({ spans })
    }
    await store.updateAttempt({ rolloutId, attemptId: attempt.attempt_id, status: 'succeeded' })
  })
}
