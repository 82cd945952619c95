import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeStoreContract } from '@agl/store-kit/conformance'
import { spanOf } from '@agl/store-kit/testing'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createRedisStore, type RedisStore } from './create-redis-store.ts'
import { inspectRedisStore } from './inspect/inspect.ts'
import { createKeys, type Keys } from './keys.ts'
import { separator } from './records.ts'
import { startCluster, startTcpServer, type TestServer } from './redis-server.test-support.ts'
import { createTestStore, newNamespace } from './test-store.test-support.ts'

/*
 * The commands that a user of Redis must be allowed are those of docs/operate-redis.md, which is read here: with them everything
 * works, and without any one of them something is refused.
 */

const guide = readFileSync(new URL('../../../docs/operate-redis.md', import.meta.url), 'utf8')

/** The commands that each `ACL SETUSER` of the guide allows: a store's, and what is asked for besides by a look inside, replicas, a cluster. */
const [storeCommands = [], inspectCommands = [], replicaCommands = [], clusterCommands = []] = [
  ...guide.matchAll(/^redis-cli ACL SETUSER agl ((?:\\\n|.)*)/gm),
].map(([, rules]) => [...rules!.matchAll(/\+([\w|]+)/g)].map(([, command]) => command!))

let server: TestServer & { readonly port: number }
let admin: Redis
beforeAll(async () => {
  server = await startTcpServer()
  admin = new Redis(server.url)
})
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})

let users = 0
/** A URL with a user who may run these commands and no other. */
async function createUser(commands: readonly string[]): Promise<string> {
  const name = `user-${++users}`
  const rules = ['on', '>secret', '~agl:*', '&agl:*', '-@all', ...commands.map((command) => `+${command}`)]
  await admin.call('ACL', 'SETUSER', name, ...rules)
  await admin.call('ACL', 'LOG', 'RESET')
  return `redis://${name}:secret@127.0.0.1:${server.port}`
}

/** What was refused, as Redis names it. */
async function readRefused(direct = admin): Promise<ReadonlySet<string>> {
  const entries = (await direct.call('ACL', 'LOG')) as readonly (readonly unknown[])[]
  return new Set(entries.map((entry) => String(entry[entry.indexOf('object') + 1])))
}

/** Uses everything that a store has. */
async function work(url: string, namespace: string): Promise<void> {
  const keys = createKeys(namespace)
  const options = { url, namespace, pollMs: 10, deadlineMs: 500 }
  const store = createRedisStore(options)
  const bounded = createRedisStore({ ...options, retention: { maxBytes: 5000 } })
  // Its wake-ups come long before its looks, and its looks before the calls give up.
  const patient = createRedisStore({ ...options, pollMs: 500 })
  try {
    await store.open()
    await useQueue(store, patient, keys)
    await useSpans(store, keys)
    await useResources(store)
    await store.queryRollouts()
    await store.statistics()
    await dropSpans(bounded)
    for await (const _ of store.exportSnapshot());
    // Spans that a process which died was to delete.
    await admin.sadd(keys.of('trash'), `7${separator}ro-ghost`)
    for (let tries = 0; (await admin.scard(keys.of('trash'))) > 0; tries++) {
      if (tries === 100) throw new Error('nobody deletes the spans')
      await sleep(5)
    }
  } finally {
    await store.close()
    await bounded.close()
    await patient.close()
  }
}

async function useQueue(store: RedisStore, patient: RedisStore, keys: Keys): Promise<void> {
  const parked = store.dequeueRollout({ workerId: 'w', waitMs: 2000, leaseMs: 1000, capacity: 50 })
  parked.catch(() => {})
  const opened = Promise.withResolvers<string>()
  const feed = store.watch({ onOpen: opened.resolve })[Symbol.asyncIterator]()
  const event = feed.next()
  event.catch(() => {})
  await Promise.race([opened.promise, event])
  await store.startRollout({ rollout: { input: 1, rollout_id: 'chosen' } })
  await store.enqueueRollout({ input: 1, rollout_id: 'chosen' })
  const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1, idempotency_key: 'key' })
  const waited = store.waitForRollouts({ rolloutIds: [rolloutId], timeoutMs: 2000 })
  waited.catch(() => {})
  const claimed = (await parked)!
  await event
  await feed.return?.()
  // A worker that always ends the older of two: what it no longer runs is taken out of its list.
  let last = claimed
  for (let count = 0; count < 25; count++) {
    const next = await store.startRollout({ rollout: { input: count }, workerId: 'w', leaseMs: 60_000 })
    await store.updateAttempt({ rolloutId: last.rollout_id, attemptId: last.attempt.attempt_id, status: 'succeeded' })
    last = next
  }
  // Two calls wait: the first that has work looks whether there is some for the other.
  const both = Promise.all(['p', 'q'].map((workerId) => patient.dequeueRollout({ workerId, waitMs: 2000 })))
  both.catch(() => {})
  for (let tries = 0; tries < 200 && (await admin.zcard(keys.of('waiters'))) === 0; tries++) await sleep(5)
  // A trip on the same connection: what was sent before it is answered before it.
  await patient.statistics()
  await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
  await both
  // Two calls take from the queue together, and one may have nothing: what was taken for it goes back.
  await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }, { input: 3 }] })
  await store.dequeueRollout({ workerId: 'u', capacity: 1 })
  await Promise.all(['t', 'u'].map((workerId) => store.dequeueRollout({ workerId })))
  const newest = await store.startRollout({ rollout: { input: 1 }, workerId: 'w' })
  await store.releaseAttempt({ rolloutId: newest.rollout_id, attemptId: newest.attempt.attempt_id })
  await store.cancelRollouts({ rolloutIds: [newest.rollout_id, rolloutId] })
  await waited
}

async function useSpans(store: RedisStore, keys: Keys): Promise<void> {
  const claimed = await store.startRollout({ rollout: { input: 1 }, workerId: 'v' })
  const { rollout_id: rolloutId, attempt } = claimed
  const span = spanOf(claimed)
  await store.addManySpans({ spans: [span, spanOf(claimed)] })
  await store.addSpan(span)
  // A span whose writer died.
  const place = (await admin.keys(`agl:*${rolloutId}*:spans:*`))[0]!
  expect(place.startsWith(keys.prefix.slice(0, 'agl:1:{'.length))).toBe(true)
  await admin.hdel(place, '1')
  await store.querySpans({ rolloutId })
  await store.updateAttempt({ rolloutId, attemptId: attempt.attempt_id, status: 'succeeded' })
  await store.deleteRollouts({ rolloutIds: [rolloutId] })
}

async function useResources(store: RedisStore): Promise<void> {
  const { resources_id: resourcesId } = await store.addResources({ resources: {}, idempotencyKey: 'resources' })
  await store.updateResources({ resourcesId, resources: {} })
  await store.updateResources({ resourcesId, resources: {} })
  await store.setResourcesAlias({ alias: 'stable', resourcesId, version: 3 })
  await store.enqueueRollout({ input: 1 })
  await store.deleteResources({ resourcesId, version: 1 })
  await store.getLatestResources()
  await store.deleteResourcesAlias({ alias: 'stable' })
}

/** Retention by bytes: records are kept, spans go. */
async function dropSpans(store: RedisStore): Promise<void> {
  for (let count = 0; count < 8; count++) {
    const claimed = await store.startRollout({ rollout: { input: 1 } })
    const { rollout_id: rolloutId, attempt } = claimed
    await store.addManySpans({ spans: Array.from({ length: 4 }, () => spanOf(claimed)) })
    await store.updateAttempt({ rolloutId, attemptId: attempt.attempt_id, status: 'succeeded' })
  }
}

/** A look that has something to look at twice. */
async function lookInside(url: string): Promise<void> {
  const namespace = newNamespace()
  const keys = createKeys(namespace)
  const store = createRedisStore({ url: server.url, namespace })
  const claimed = await store.startRollout({ rollout: { input: 1 }, workerId: 'w', leaseMs: 60_000 })
  await store.addSpan(spanOf(claimed))
  await store.startAttempt({ rolloutId: claimed.rollout_id })
  const { resources_id: resourcesId } = await store.addResources({ resources: {} })
  await store.setResourcesAlias({ alias: 'stable', resourcesId, version: 1 })
  await store.enqueueRollout({ input: 1 })
  await store.close()
  await admin.zrem(keys.of('statuses'), claimed.rollout_id)
  await admin.hset(keys.spans('ro-ghost', '1'), '1', '1 {}')
  await admin.sadd(keys.of('trash'), `1${separator}ro-other`)
  const { violations, servers } = await inspectRedisStore({ url, namespace, deadlineMs: 500 })
  expect(violations.map(({ invariant }) => invariant)).toEqual(['status_index', 'span_bodies'])
  // Allowed in the guide so that the persistence of the server is told.
  if (servers[0]!.persistence.save === null) throw new Error('The settings were not told.')
}

const tolerant = async (run: Promise<void>): Promise<boolean> =>
  run.then(
    () => true,
    () => false,
  )

/** Refused, these cost no call: ioredis warns that it cannot see whether the server is ready; waits look now and then. */
const goesOnWithout: ReadonlySet<string> = new Set(['info', 'ssubscribe'])

describe('a user who may run what the guide lists', () => {
  test('uses a store, and looks inside', async () => {
    expect(storeCommands.length).toBeGreaterThan(30)
    const url = await createUser(storeCommands)
    await work(url, newNamespace())
    await lookInside(await createUser([...storeCommands, ...inspectCommands]))
    expect([...(await readRefused())]).toEqual([])
  })

  test('has no command twice', () => {
    const all = [...storeCommands, ...inspectCommands]
    expect(all.filter((command, index) => all.indexOf(command) !== index)).toEqual([])
  })

  test('may touch no other keys and channels', async () => {
    const other = new Redis(await createUser([...storeCommands, ...inspectCommands]))
    await expect(other.get('other')).rejects.toThrow('NOPERM')
    await expect(other.ssubscribe('other')).rejects.toThrow('NOPERM')
    other.disconnect()
  })

  test.each(storeCommands)('cannot do without %s', async (command) => {
    // ioredis warns without INFO.
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const url = await createUser(storeCommands.filter((other) => other !== command))
    const isDone = await tolerant(work(url, newNamespace()))
    expect([...(await readRefused())]).toContain(command)
    expect(isDone).toBe(goesOnWithout.has(command))
    expect(warn).toHaveBeenCalledTimes(command === 'info' ? 5 : 0)
  })

  test('waits for replicas with a little more', async () => {
    const open = async (commands: readonly string[]): Promise<RedisStore> => {
      const store = createRedisStore({
        url: await createUser(commands),
        namespace: newNamespace(),
        minReplicas: 1,
        replicaTimeoutMs: 1,
      })
      onTestFinished(() => store.close())
      return store
    }
    // There are none.
    await expect((await open([...storeCommands, ...replicaCommands])).enqueueRollout({ input: 1 })).rejects.toMatchObject({
      code: 'timeout',
      data: { reached: 0 },
    })
    expect(await readRefused()).toEqual(new Set())
    expect(replicaCommands).not.toEqual([])
    for (const command of replicaCommands) {
      const store = await open([...storeCommands, ...replicaCommands.filter((other) => other !== command)])
      await expect(store.enqueueRollout({ input: 1 })).rejects.toMatchObject({ code: 'unauthorized' })
      expect([...(await readRefused())]).toContain(command)
    }
  })

  test.each(inspectCommands)('cannot look inside without %s', async (command) => {
    const all = [...storeCommands, ...inspectCommands]
    const url = await createUser(all.filter((other) => other !== command))
    const isDone = await tolerant(lookInside(url))
    expect([...(await readRefused())]).toContain(command)
    expect(isDone).toBe(false)
  })
})

let suiteUrl = ''
beforeAll(async () => {
  suiteUrl = await createUser(storeCommands)
})
describeStoreContract({
  name: 'RedisStore as a user who may run what the guide lists',
  create: (options) => createTestStore({ url: suiteUrl, ...options }),
})

test('a cluster asks for a little more', { timeout: 60_000 }, async () => {
  const cluster = await startCluster()
  const admins = cluster.servers.map(({ url }) => new Redis(url))
  onTestFinished(async () => {
    for (const direct of admins) direct.disconnect()
    await cluster.stop()
  })
  const createClient = async (commands: readonly string[]): Promise<Cluster> => {
    const rules = ['reset', 'on', '>secret', '~agl:*', '&agl:*', '-@all', ...commands.map((command) => `+${command}`)]
    for (const direct of admins) await direct.call('ACL', 'SETUSER', 'limited', ...rules)
    for (const direct of admins) await direct.call('ACL', 'LOG', 'RESET')
    const nodes = cluster.servers.map(({ port }) => ({ host: '127.0.0.1', port }))
    const client = new Cluster(nodes, { lazyConnect: true, redisOptions: { username: 'limited', password: 'secret' } })
    client.on('error', () => {})
    return client
  }
  const store = createRedisStore({
    client: await createClient([...storeCommands, ...clusterCommands]),
    namespace: newNamespace(),
  })
  const claimed = await store.startRollout({ rollout: { input: 1 }, workerId: 'w' })
  await store.addSpan(spanOf(claimed))
  const waiting = store.dequeueRollout({ workerId: 'w', waitMs: 5000 })
  await store.enqueueRollout({ input: 2 })
  expect(await waiting).not.toBeNull()
  await store.close()

  // ioredis tries again for ever, and does not say why, where it cannot see whether the cluster is ready.
  const codes: Readonly<Record<string, string>> = { 'cluster|info': 'timeout', 'cluster|slots': 'unauthorized' }
  expect(Object.keys(codes)).toEqual(clusterCommands)
  for (const command of clusterCommands) {
    const client = await createClient([...storeCommands, ...clusterCommands.filter((other) => other !== command)])
    client.connect().catch(() => {})
    const isRefused = async (): Promise<boolean> => {
      const refused = await Promise.all(admins.map((direct) => readRefused(direct)))
      return refused.some((commands) => commands.has(command))
    }
    while (!(await isRefused()));
    expect(client.status).not.toBe('ready')
    const store = createRedisStore({ client, namespace: newNamespace(), deadlineMs: 0 })
    await expect(store.enqueueRollout({ input: 1 })).rejects.toMatchObject({ code: codes[command] })
    await store.close()
    client.disconnect()
  }
})
