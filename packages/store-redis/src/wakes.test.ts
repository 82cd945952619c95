import type { AttemptedRollout } from '@agl/types'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createRedisStore, type RedisStore } from './create-redis-store.ts'
import { createKeys } from './keys.ts'
import { startServer, type TestServer } from './redis-server.test-support.ts'
import { newNamespace } from './test-store.test-support.ts'

/*
 * Work that comes in is told to as many handles as can have some. With a poll that never comes in time, whatever is not told
 * makes a test run into its limit.
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

/** Opens handles on one namespace. */
function openAll(count: number): { readonly namespace: string; readonly stores: readonly RedisStore[] } {
  const namespace = newNamespace()
  const stores = Array.from({ length: count }, () => createRedisStore({ url: server.url, namespace, pollMs: 60_000 }))
  onTestFinished(async () => {
    await Promise.all(stores.map((store) => store.close()))
  })
  return { namespace, stores }
}

const waiting = (store: RedisStore, more: object = {}): Promise<AttemptedRollout | null> =>
  store.dequeueRollout({ waitMs: 15_000, ...more })

/** Until so many handles are known to wait. */
async function untilWaiting(namespace: string, count: number): Promise<void> {
  while ((await admin.zcard(createKeys(namespace).of('waiters'))) < count);
}

const claims = async (calls: readonly Promise<AttemptedRollout | null>[]): Promise<readonly unknown[]> =>
  (await Promise.all(calls)).map((claimed) => claimed?.input).toSorted()

describe('who is told of work', () => {
  test('one of many handles that wait, and the others are left alone', async () => {
    const { namespace, stores } = openAll(20)
    const calls = stores.map((store) => waiting(store))
    await untilWaiting(namespace, 20)
    await admin.config('RESETSTAT')
    for (let input = 0; input < 10; input++) await stores[0]!.enqueueRollout({ input })
    while ((await admin.zcard(createKeys(namespace).of('waiters'))) > 10);
    const stats = await admin.info('commandstats')
    // One script to enqueue and one to claim, each time.
    expect(Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)![1])).toBeLessThanOrEqual(20)
    await stores[0]!.enqueueManyRollouts({ rollouts: Array.from({ length: 10 }, (_, input) => ({ input: 10 + input })) })
    expect(await claims(calls)).toHaveLength(20)
  })

  test('all calls of one handle, whether their work comes at once or bit by bit', async () => {
    const { namespace, stores } = openAll(2)
    const [store, other] = stores as readonly [RedisStore, RedisStore]
    const calls = Array.from({ length: 9 }, () => waiting(store))
    await untilWaiting(namespace, 1)
    await other.enqueueManyRollouts({ rollouts: [0, 1, 2, 3].map((input) => ({ input })) })
    for (const input of [4, 5]) await other.enqueueRollout({ input })
    await Promise.all([6, 7, 8].map((input) => other.enqueueRollout({ input })))
    expect(await claims(calls)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('several calls of several handles', async () => {
    const { namespace, stores } = openAll(3)
    const calls = stores.flatMap((store) => [waiting(store), waiting(store), waiting(store)])
    await untilWaiting(namespace, 3)
    await stores[0]!.enqueueManyRollouts({ rollouts: Array.from({ length: 9 }, (_, input) => ({ input })) })
    expect(await claims(calls)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('the next handle when the calls of the first have gone meanwhile', async () => {
    const { namespace, stores } = openAll(3)
    const [gone, closed, store] = stores as readonly [RedisStore, RedisStore, RedisStore]
    const giveUp = new AbortController()
    const given = waiting(gone, { signal: giveUp.signal })
    const lost = waiting(closed)
    await untilWaiting(namespace, 2)
    giveUp.abort()
    await expect(given).rejects.toThrow()
    await Promise.all([expect(lost).rejects.toMatchObject({ code: 'closed' }), closed.close()])
    const call = waiting(store)
    await untilWaiting(namespace, 3)
    await store.enqueueRollout({ input: 1 })
    expect(await call).toMatchObject({ input: 1 })
  })

  test('nobody who has no slot, and he when he has one again', async () => {
    const { namespace, stores } = openAll(2)
    const [full, free] = stores as readonly [RedisStore, RedisStore]
    await full.enqueueRollout({ input: 0 })
    const running = (await full.dequeueRollout({ workerId: 'w', capacity: 1 }))!
    const first = waiting(full, { workerId: 'w' })
    // It has looked when its worker has asked for work again.
    while ((await full.getWorkerById({ workerId: 'w' }))!.last_dequeue_time === running.attempt.start_time);
    const second = waiting(free)
    await untilWaiting(namespace, 1)
    await full.enqueueRollout({ input: 1 })
    expect(await second).toMatchObject({ input: 1 })
    await full.enqueueRollout({ input: 2 })
    await full.updateAttempt({ rolloutId: running.rollout_id, attemptId: running.attempt.attempt_id, status: 'succeeded' })
    expect(await first).toMatchObject({ input: 2 })
  })
})
