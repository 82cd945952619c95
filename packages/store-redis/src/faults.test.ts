import { setTimeout as sleep } from 'node:timers/promises'
import { spanOf } from '@agl/store-kit/testing'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createRedisStore, type RedisStore } from './create-redis-store.ts'
import { inspectRedisStore } from './inspect/inspect.ts'
import type { RedisStoreOptions } from './options.ts'
import { startProxy } from './proxy.test-support.ts'
import {
  failToSave,
  startCluster,
  startSentinels,
  startServer,
  startTcpServer,
  type TestServer,
} from './redis-server.test-support.ts'
import { newNamespace } from './test-store.test-support.ts'

let server: TestServer
let admin: Redis
beforeEach(async () => {
  server = await startServer('--appendonly', 'yes', '--appendfsync', 'always')
  admin = new Redis(server.url, { retryStrategy: () => 20, maxRetriesPerRequest: null })
  admin.on('error', () => {})
})
afterEach(async () => {
  admin.disconnect()
  await server.stop()
})

function openStore(options: RedisStoreOptions = {}): RedisStore {
  const store = createRedisStore({ url: server.url, namespace: newNamespace(), ...options })
  onTestFinished(() => store.close())
  return store
}

/** Hands out, claims, records and settles so many tasks at a time. */
async function runTasks(store: RedisStore, count: number): Promise<readonly string[]> {
  const ids: string[] = []
  const runTask = async (input: number): Promise<void> => {
    await store.enqueueRollout({ input })
    const claimed = await store.dequeueRollout({ workerId: `w${input % 7}`, waitMs: 5000, leaseMs: 60_000 })
    const { rollout_id: rolloutId, attempt } = claimed!
    await store.addManySpans({ spans: [spanOf(claimed!), spanOf(claimed!)] })
    await store.updateAttempt({ rolloutId, attemptId: attempt.attempt_id, status: 'succeeded' })
    ids.push(rolloutId)
  }
  await Promise.all(Array.from({ length: count }, (_, input) => runTask(input)))
  return ids
}

/** Every task was done once, and its spans are there once. */
async function expectDone(store: RedisStore, ids: readonly string[], count: number): Promise<void> {
  expect(new Set(ids).size).toBe(count)
  expect(await store.statistics()).toMatchObject({ total_rollouts: count, total_attempts: count, total_spans: 2 * count })
  expect((await store.queryRollouts({ statusIn: ['succeeded'] })).total).toBe(count)
  for (const rolloutId of ids) expect((await store.querySpans({ rolloutId })).total).toBe(2)
}

describe('faults', () => {
  test('no server is told at once, with what to run', async () => {
    const store = createRedisStore({ url: 'redis://127.0.0.1:1' })
    const start = performance.now()
    const refused = { code: 'upstream_failed', message: expect.stringContaining('redis-server') }
    await expect(store.enqueueRollout({ input: 1 })).rejects.toMatchObject(refused)
    await expect(store.open()).rejects.toMatchObject(refused)
    expect(performance.now() - start).toBeLessThan(2000)
    await store.close()
  })

  test('flushed scripts are sent again', async () => {
    const store = openStore()
    await runTasks(store, 5)
    const stop = new AbortController()
    const flushing = (async () => {
      while (!stop.signal.aborted) await admin.script('FLUSH')
    })()
    const ids = await runTasks(store, 100).finally(() => stop.abort())
    await flushing
    expect(new Set(ids).size).toBe(100)
    expect(await store.statistics()).toMatchObject({ total_rollouts: 105, total_attempts: 105 })
  })

  test('connections that are killed all the time cost nothing and double nothing', async () => {
    const store = openStore()
    await store.open()
    const stop = new AbortController()
    let kills = 0
    const killing = (async () => {
      while (!stop.signal.aborted) {
        kills += Number(await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'))
        // Long enough for a new connection and some calls.
        await sleep(5 + Math.random() * 10)
      }
    })()
    const ids = await runTasks(store, 200).finally(() => stop.abort())
    await killing
    expect(kills).toBeGreaterThan(2)
    await expectDone(store, ids, 200)
  })

  test('who waits is woken though the connection that listens was killed', async () => {
    const store = openStore({ pollMs: 60_000 })
    const waiting = store.dequeueRollout({ workerId: 'w', waitMs: 60_000 })
    while (Number((await admin.pubsub('SHARDCHANNELS')).length) === 0) await store.statistics()
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await store.enqueueRollout({ input: 1 })
    expect(await waiting).toMatchObject({ input: 1 })
  })

  test('a restart of the server loses nothing, and calls wait for it', async () => {
    const store = openStore()
    await store.open()
    const tasks = runTasks(store, 150)
    while ((await store.statistics()).total_attempts < 20);
    await server.kill()
    await server.restart()
    const ids = await tasks
    expect(ids).toHaveLength(150)
    await expectDone(store, ids, 150)
  })

  /** Waits for a rollout to end, for work, and for what happens; `done` resolves when all three have been told. */
  async function park(store: RedisStore): Promise<{ readonly rolloutId: string; readonly done: Promise<unknown> }> {
    const { rollout_id: rolloutId } = await store.startRollout({ rollout: { input: 1 } })
    const opened = Promise.withResolvers<void>()
    const feed = store.watch({ onOpen: () => opened.resolve() })[Symbol.asyncIterator]()
    onTestFinished(async () => void (await feed.return?.()))
    const waits = [
      store.waitForRollouts({ rolloutIds: [rolloutId] }).then(([rollout]) => rollout?.status),
      store.dequeueRollout({ waitMs: 60_000 }).then((claimed) => claimed?.input),
      feed.next().then(({ value }) => (value === undefined ? null : value.type)),
    ]
    await opened.promise
    // All that they have asked for is answered.
    const waiting = ['waiting', 'awaited'] as const
    const control = (await admin.keys('agl:1:*:control'))[0]!
    while ((await admin.hmget(control, ...waiting)).includes(null));
    await store.statistics()
    return { rolloutId, done: Promise.all(waits) }
  }
  const told = ['succeeded', 'news', 'rollout']

  /** What they wait for. */
  async function happen(store: RedisStore, rolloutId: string): Promise<void> {
    await store.updateRollout({ rolloutId, status: 'succeeded' })
    await store.enqueueRollout({ input: 'news' })
  }

  test('who waits is told of what happened while its connections were lost', async () => {
    const proxy = await startProxy(server.url)
    const namespace = newNamespace()
    const store = openStore({ url: proxy.url, namespace, pollMs: 60_000 })
    const other = openStore({ namespace })
    const { rolloutId, done } = await park(store)
    await proxy.cut(() => happen(other, rolloutId))
    expect(await done).toEqual(told)
  })

  test('who waits is told though its connections were lost again and again while they came back', async () => {
    const proxy = await startProxy(server.url)
    const namespace = newNamespace()
    const store = openStore({ url: proxy.url, namespace, pollMs: 60_000 })
    const { rolloutId, done } = await park(store)
    for (let reply = 1; reply <= 12; reply++) {
      const { cuts } = proxy
      await proxy.cut(async () => {})
      proxy.cutAt(reply)
      while (proxy.cuts < cuts + 2) await store.statistics()
    }
    await happen(openStore({ namespace }), rolloutId)
    expect(await done).toEqual(told)
  })

  test('who waits is told though a message was lost', async () => {
    const namespace = newNamespace()
    const store = openStore({ namespace })
    const { rolloutId, done } = await park(store)
    // As if nobody waited or watched: nothing is told.
    await admin.hdel(`agl:1:{${namespace}}:control`, 'waiting', 'awaited')
    await happen(openStore({ namespace }), rolloutId)
    expect(await done).toEqual(told)
  })

  test('who waits goes on waiting while the server is away for longer than a call would wait', async () => {
    const store = openStore({ deadlineMs: 1500 })
    const { rolloutId, done } = await park(store)
    await server.kill()
    await expect(store.statistics()).rejects.toMatchObject({ code: 'timeout', isRetryable: true })
    await server.restart()
    await happen(store, rolloutId)
    expect(await done).toEqual(told)
  })

  test('what a store does for itself does not hold up its end while the server is away', async () => {
    const store = openStore({ pollMs: 10 })
    await store.statistics()
    await store.enqueueRollout({ input: 1 })
    await server.kill()
    // Long enough for a look to have begun.
    await sleep(100)
    const start = performance.now()
    await store.close()
    expect(performance.now() - start).toBeLessThan(1000)
  })

  test('a server that stays away after the deadline, as something to try again', async () => {
    const store = openStore({ deadlineMs: 200 })
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    await server.kill()
    const start = performance.now()
    await expect(store.getRolloutById({ rolloutId })).rejects.toMatchObject({ code: 'timeout', isRetryable: true })
    await expect(store.enqueueRollout({ input: 2 })).rejects.toMatchObject({ code: 'timeout', isRetryable: true })
    expect(performance.now() - start).toBeGreaterThan(350)
    await server.restart()
    expect(await store.getRolloutById({ rolloutId })).toMatchObject({ input: 1 })
  })

  test('full memory refuses what adds something, whole, and lets work end', async () => {
    const store = openStore()
    const running = await store.startRollout({ rollout: { input: 1 }, workerId: 'w' })
    const queued = await store.enqueueRollout({ input: 2 })
    const before = await store.statistics()
    await admin.config('SET', 'maxmemory', '1')
    const full = { code: 'storage_full', isRetryable: true }
    await expect(store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })).rejects.toMatchObject(full)
    await expect(store.addSpan(spanOf(running))).rejects.toMatchObject(full)
    await expect(store.addResources({ resources: {} })).rejects.toMatchObject(full)
    expect(await store.statistics()).toEqual({ ...before, uptime: expect.any(Number) })
    const { rollout_id: rolloutId, attempt } = running
    await store.heartbeat({ workerId: 'w', attempts: [{ rolloutId, attemptId: attempt.attempt_id }] })
    await store.updateAttempt({ rolloutId, attemptId: attempt.attempt_id, status: 'succeeded' })
    expect(await store.dequeueRollout()).toMatchObject({ rollout_id: queued.rollout_id })
    await store.deleteRollouts({ rolloutIds: [rolloutId] })
    await admin.config('SET', 'maxmemory', '0')
    expect(await store.enqueueRollout({ input: 3 })).toMatchObject({ status: 'queuing' })
  })

  test('a password that is missing, wrong, or of a user who may not do it is told as that', async () => {
    const limited = await startTcpServer()
    onTestFinished(() => limited.stop())
    const direct = new Redis(limited.url)
    await direct.call('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '&*', '+@all', '-hset')
    await direct.call('ACL', 'SETUSER', 'default', 'off')
    direct.disconnect()
    const unauthorized = { code: 'unauthorized', isRetryable: false, message: expect.stringContaining('operate-redis') }
    for (const login of ['', 'reader:wrong@', 'reader:secret@']) {
      const url = `redis://${login}127.0.0.1:${limited.port}`
      await expect(openStore({ url }).enqueueRollout({ input: 1 })).rejects.toMatchObject(unauthorized)
    }
  })

  test('a server that refuses for want of replicas is told with what it says', async () => {
    const store = openStore({ deadlineMs: 100 })
    await store.enqueueRollout({ input: 1 })
    await admin.config('SET', 'min-replicas-to-write', '1')
    const refused = { code: 'timeout', isRetryable: true, message: expect.stringContaining('NOREPLICAS') }
    await expect(store.enqueueRollout({ input: 2 })).rejects.toMatchObject(refused)
    expect((await store.queryRollouts()).total).toBe(1)
    await admin.config('SET', 'min-replicas-to-write', '0')
    expect(await store.enqueueRollout({ input: 3 })).toMatchObject({ status: 'queuing' })
  })

  test('a server that cannot save its data is told with what it says, and used again when it can', async () => {
    const saving = await startServer('--save', '3600 1')
    onTestFinished(() => saving.stop())
    const store = openStore({ url: saving.url, deadlineMs: 100 })
    await store.enqueueRollout({ input: 1 })
    const mend = await failToSave(saving)
    const refused = { code: 'timeout', isRetryable: true, message: expect.stringContaining('MISCONF') }
    await expect(store.enqueueRollout({ input: 2 })).rejects.toMatchObject(refused)
    expect((await store.queryRollouts()).total).toBe(1)
    await mend()
    expect(await store.enqueueRollout({ input: 3 })).toMatchObject({ status: 'queuing' })
  })

  test('a server that never answers is told after the deadline, and closing does not wait for it', async () => {
    server.freeze()
    const store = openStore({ deadlineMs: 1500 })
    const start = performance.now()
    await expect(store.enqueueRollout({ input: 1 })).rejects.toMatchObject({ code: 'timeout', isRetryable: true })
    expect(performance.now() - start).toBeGreaterThan(1400)
    // The store tries again for itself.
    await sleep(1100)
    const closing = performance.now()
    await store.close()
    expect(performance.now() - closing).toBeLessThan(200)
    server.thaw()
  })

  test('a span whose writer died between its two steps is passed over, and completed by whoever sends it again', async () => {
    const namespace = newNamespace()
    const store = openStore({ namespace })
    const claimed = await store.startRollout({ rollout: { input: 1 } })
    const { rollout_id: rolloutId } = claimed
    const [first, lost, last] = [spanOf(claimed), spanOf(claimed), spanOf(claimed)]
    await store.addManySpans({ spans: [first, lost, last] })
    await admin.hdel(`agl:1:{${namespace}:${rolloutId}}:spans:1`, '2')
    const ids = async () => (await store.querySpans({ rolloutId })).items.map((span) => span.span_id)
    expect(await ids()).toEqual([first.span_id, last.span_id])
    expect(await store.addManySpans({ spans: [first, lost] })).toMatchObject([{ span_id: lost.span_id, sequence_id: 2 }])
    expect(await ids()).toEqual([first.span_id, lost.span_id, last.span_id])
  })

  test('spans that were to be deleted by a process that died are deleted by another', async () => {
    const namespace = newNamespace()
    const store = openStore({ namespace, pollMs: 10 })
    const claimed = await store.startRollout({ rollout: { input: 1 } })
    const { rollout_id: rolloutId } = claimed
    const name = `agl:1:{${namespace}:${rolloutId}}:spans:1`
    await store.addSpan(spanOf(claimed))
    await admin.sadd(`agl:1:{${namespace}}:trash`, `1\u001f${rolloutId}`)
    while ((await admin.exists(name)) === 1) await store.statistics()
    expect(await admin.scard(`agl:1:{${namespace}}:trash`)).toBeLessThan(2)
  })

  test('after a failover by Sentinel the work goes on', { timeout: 60_000 }, async () => {
    const sentinels = await startSentinels()
    onTestFinished(() => sentinels.stop())
    const namespace = newNamespace()
    const client = sentinels.createClient()
    const store = createRedisStore({ client, namespace, deadlineMs: 30_000 })
    onTestFinished(() => store.close())
    const before = await runTasks(store, 20)
    // What the replica has not received is lost with the primary.
    const direct = new Redis(sentinels.primary.url)
    await direct.set('last', '1')
    expect(await direct.wait(1, 10_000)).toBe(1)
    direct.disconnect()
    await sentinels.primary.kill()
    // A handle that is new now is told of the primary that is gone, and waits for the next one.
    const late = createRedisStore({ client, namespace, deadlineMs: 30_000 })
    onTestFinished(() => late.close())
    const [{ total_rollouts: seen }, after] = await Promise.all([late.statistics(), runTasks(store, 40)])
    expect(seen).toBeGreaterThanOrEqual(20)
    const ids = [...before, ...after]
    expect(new Set(ids).size).toBe(60)
    for (const rolloutId of ids) expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status: 'succeeded' })
    const { violations, servers } = await inspectRedisStore({ client, namespace })
    expect(violations).toEqual([])
    expect(servers.map(({ place }) => place)).not.toContain(sentinels.primary.url.slice('redis://'.length))
  })

  test('after a failover of a cluster the work goes on', { timeout: 60_000 }, async () => {
    const cluster = await startCluster(1)
    onTestFinished(() => cluster.stop())
    const client = cluster.createClient()
    const namespace = newNamespace()
    const store = createRedisStore({ client, namespace, deadlineMs: 30_000 })
    onTestFinished(() => store.close())
    await runTasks(store, 20)
    const names = await Promise.all(
      cluster.servers.map(async ({ url }) => {
        const direct = new Redis(url)
        const role = (await direct.role()) as readonly unknown[]
        const found = await direct.keys(`agl:1:{${namespace}}:control`)
        direct.disconnect()
        return { isPrimary: role[0] === 'master', hasControl: found.length > 0 }
      }),
    )
    const place = names.findIndex(({ isPrimary, hasControl }) => isPrimary && hasControl)
    const tasks = runTasks(store, 40)
    await cluster.servers[place]!.kill()
    const ids = await tasks
    expect(new Set(ids).size).toBe(40)
    for (const rolloutId of ids) expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status: 'succeeded' })
  })
})
