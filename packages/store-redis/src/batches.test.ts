import { seededRandom } from '@agl/store-kit'
import { createManualClock, spanOf } from '@agl/store-kit/testing'
import type { AttemptedRollout } from '@agl/types'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRedisStore, openTestStore, type RedisStore } from './create-redis-store.ts'
import { createKeys } from './keys.ts'
import { startServer, type TestServer } from './redis-server.test-support.ts'
import { newNamespace } from './test-store.test-support.ts'

/*
 * Calls of one turn of the event loop share a script, which gathers what it writes. It must leave what the same calls leave one
 * after the other: the same answers, and the same in every key.
 */

let server: TestServer
let admin: Redis
beforeAll(async () => {
  server = await startServer()
  admin = new Redis(server.url)
})
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})

/** A whole number below the one given, again the same for the same seed. */
function randomOf(seed: number): (count: number) => number {
  const bytes = seededRandom(seed)
  return (count) => {
    const [high, low] = bytes(2) as unknown as readonly [number, number]
    return (high * 256 + low) % count
  }
}

type Call = (store: RedisStore) => Promise<unknown>

/** Calls of one verb, made up from what was claimed so far. */
function makeCalls(random: (count: number) => number, claimed: readonly AttemptedRollout[], round: number): readonly Call[] {
  const worker = (): string => `w${random(3)}`
  const pick = (): AttemptedRollout => claimed[random(claimed.length)]!
  const keyOf = ({ rollout_id: rolloutId, attempt }: AttemptedRollout) => ({ rolloutId, attemptId: attempt.attempt_id })
  const leaseMs = [undefined, 2000, 30_000][random(3)]
  const makers: readonly (() => Call)[] = [
    () => {
      const config = {
        timeout_seconds: [null, 5, 50][random(3)]!,
        max_attempts: 1 + random(3),
        retry_condition: ['failed' as const],
      }
      const request = {
        input: round,
        priority: random(2),
        config,
        ...(random(3) === 0 ? { idempotency_key: `k${random(9)}` } : {}),
      }
      return (store) => store.enqueueRollout(request)
    },
    () => {
      const request = { workerId: worker(), limit: 1 + random(3), ...(leaseMs === undefined ? {} : { leaseMs }) }
      const more = {
        ...(random(4) === 0 ? { capacity: 1 + random(5) } : {}),
        ...(random(4) === 0 ? { idempotencyKey: `d${random(50)}` } : {}),
      }
      return (store) => store.dequeueManyRollouts({ ...request, ...more })
    },
    () => {
      const status = (['succeeded', 'failed', 'running', 'timeout'] as const)[random(4)]!
      const request = { ...keyOf(pick()), status, ...(random(5) === 0 ? { workerId: worker() } : {}), metadata: { round } }
      return (store) => store.updateAttempt(request)
    },
    () => {
      const spans = Array.from({ length: 1 + random(3) }, () =>
        spanOf(pick(), { span_id: `s${random(6)}`, attributes: { round } }),
      )
      return (store) => store.addManySpans({ spans })
    },
    () => {
      const attempts = Array.from({ length: random(3) }, () => keyOf(pick()))
      const request = { workerId: worker(), attempts, ...(leaseMs === undefined ? {} : { leaseMs }), stats: { round } }
      return (store) => store.heartbeat(request)
    },
    () => {
      const request = { rolloutId: pick().rollout_id, workerId: worker() }
      return (store) => store.startAttempt(request)
    },
    () => {
      const key = keyOf(pick())
      return (store) => store.releaseAttempt(key)
    },
    () => {
      const status = (['queuing', 'succeeded', 'cancelled', 'requeuing'] as const)[random(4)]!
      const request = { rolloutId: pick().rollout_id, status }
      return (store) => store.updateRollout(request)
    },
    () => {
      const rolloutIds = [pick().rollout_id, pick().rollout_id]
      return (store) => store.cancelRollouts({ rolloutIds })
    },
    () => {
      const rolloutIds = [pick().rollout_id, pick().rollout_id]
      return (store) => store.deleteRollouts({ rolloutIds })
    },
    () => {
      const key = keyOf(pick())
      return (store) => store.getNextSpanSequenceId(key)
    },
  ]
  const make = makers[claimed.length === 0 ? random(2) : random(makers.length)]!
  return Array.from({ length: 1 + random(6) }, () => make())
}

async function settle(answers: readonly Promise<unknown>[]): Promise<readonly unknown[]> {
  const settled = await Promise.allSettled(answers)
  return settled.map((answer) => (answer.status === 'fulfilled' ? answer.value : { refused: (answer.reason as Error).message }))
}

/** Everything under the keys of a namespace. */
async function dump(namespace: string): Promise<Readonly<Record<string, unknown>>> {
  const { prefix } = createKeys(namespace)
  const names = (await admin.keys('*')).filter((name) => name.includes(`{${namespace}}`) || name.includes(`{${namespace}:`))
  const read = async (name: string): Promise<unknown> => {
    switch (await admin.type(name)) {
      case 'string':
        return admin.get(name)
      case 'hash':
        // A total that came back to 0 is as one that was never written.
        return Object.fromEntries(Object.entries(await admin.hgetall(name)).filter(([, value]) => value !== '0'))
      case 'list':
        return admin.lrange(name, 0, -1)
      case 'zset':
        return admin.zrange(name, '0', '-1', 'WITHSCORES')
      default:
        return (await admin.smembers(name)).toSorted()
    }
  }
  const entries = await Promise.all(
    names.map(async (name) => [name.replace(prefix, '').replaceAll(namespace, ''), await read(name)] as const),
  )
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

test('calls that share a script leave what they leave one after the other', { timeout: 60_000 }, async () => {
  for (let seed = 1; seed <= 12; seed++) {
    await admin.flushall('SYNC')
    const random = randomOf(seed)
    let now = 1_800_000_000_000_000
    const open = (): { readonly store: RedisStore; readonly namespace: string } => {
      const namespace = newNamespace()
      const options = { url: server.url, namespace, seed, pollMs: 60_000 }
      return { store: openTestStore(options, { clock: createManualClock(), time: () => now }).store, namespace }
    }
    const together = open()
    const apart = open()
    const claimed: AttemptedRollout[] = []
    for (let round = 0; round < 60; round++) {
      now += 300_000
      const calls = makeCalls(random, claimed, round)
      const answers = await settle(calls.map((call) => call(together.store)))
      const others: unknown[] = []
      for (const call of calls) others.push(...(await settle([call(apart.store)])))
      expect(answers, `seed ${seed}, round ${round}`).toEqual(others)
      expect(await dump(together.namespace), `seed ${seed}, round ${round}`).toEqual(await dump(apart.namespace))
      for (const answer of answers.flat()) {
        if (typeof answer === 'object' && answer !== null && 'attempt' in answer) claimed.push(answer as AttemptedRollout)
      }
    }
    await together.store.close()
    await apart.store.close()
  }
})

test('records that are read in one turn are read by one command', async () => {
  const store = createRedisStore({ url: server.url, namespace: newNamespace(), pollMs: 60_000 })
  const claimed = await Promise.all(Array.from({ length: 20 }, (_, input) => store.startRollout({ rollout: { input } })))
  await admin.config('RESETSTAT')
  const read = await Promise.all([
    ...claimed.map(({ rollout_id: rolloutId }) => store.getLatestAttempt({ rolloutId })),
    store.getLatestAttempt({ rolloutId: 'ro-unknown' }),
  ])
  expect(read).toEqual([...claimed.map(({ attempt }) => attempt), null])
  await Promise.all(claimed.map((each) => store.addSpan(spanOf(each))))
  const stats = await admin.info('commandstats')
  // The attempts, the rollouts in the script of the spans, and those behind the bodies.
  expect(/cmdstat_mget:calls=(\d+)/.exec(stats)?.[1]).toBe('3')
  expect(stats).not.toContain('cmdstat_get:')
  await store.close()
})
