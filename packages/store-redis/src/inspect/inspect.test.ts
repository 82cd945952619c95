import { spanOf } from '@agl/store-kit/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createRedisStore } from '../create-redis-store.ts'
import { createKeys } from '../keys.ts'
import { failToSave, startCluster, startServer, type TestServer } from '../redis-server.test-support.ts'
import { newNamespace } from '../test-store.test-support.ts'
import { fillStore, type FilledStore } from './filled-store.test-support.ts'
import { inspectRedisStore } from './inspect.ts'

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

async function fill(): Promise<FilledStore> {
  const filled = await fillStore({ url: server.url })
  await filled.store.close()
  return filled
}

const inspect = ({ namespace }: { readonly namespace: string }) => inspectRedisStore({ url: server.url, namespace })

test('a store with something of everything is clean, and is told as it is', async () => {
  const filled = await fill()
  const inspection = await inspect(filled)
  expect(inspection).toMatchObject({
    violations: [],
    unchecked: [],
    namespace: filled.namespace,
    schemaVersion: 1,
    otherSchemaVersions: [],
    statuses: { queuing: 2, requeuing: 1, preparing: 1, running: 1, succeeded: 1, failed: 0, cancelled: 1 },
    queue: {
      priorities: [
        { priority: 5, waiting: 1 },
        { priority: 0, waiting: 2 },
      ],
      stale: 2,
      oldest: { rolloutId: filled.requeued },
    },
    attempts: { live: 2, nextDeadline: { rolloutId: filled.running.rollout_id } },
    workers: { known: 3, busy: 1 },
    waiting: { forWork: false, forRollouts: false, forEvents: true, listeners: 0 },
    placesWithoutBodies: [],
    servers: [
      { maxMemoryPolicy: 'noeviction', maxMemoryBytes: null, persistence: { appendOnly: false, save: '', isHealthy: true } },
    ],
  })
  const names = await admin.keys(`agl:1:{${filled.namespace}*`)
  const { count, bytes, isEstimate, kinds, largest } = inspection.keys
  expect(count).toBe(names.length)
  expect(isEstimate).toBe(false)
  // Of the control hash the server reckons from some fields.
  const others = names.filter((name) => !name.endsWith(':control'))
  const measured = await Promise.all(others.map(async (name) => Number(await admin.memory('USAGE', name, 'SAMPLES', 0))))
  const control = kinds.find(({ kind }) => kind === 'control')!
  // A hash that has just grown takes a little more until the server has looked at it again.
  expect((bytes - control.bytes) / measured.reduce((sum, size) => sum + size, 0)).toBeCloseTo(1, 1)
  expect(largest).toHaveLength(Math.min(20, count))
  expect(largest[0]).toMatchObject({ kind: 'feed', bytes: Math.max(...measured) })
  expect(kinds.find(({ kind }) => kind === 'rollout')).toMatchObject({ count: 7, isEstimate: false })
  expect(kinds.find(({ kind }) => kind === 'spans')).toMatchObject({ count: 2 })
})

test('the memory of many keys is reckoned from some, and says so', async () => {
  const { namespace } = await fill()
  const all = await inspectRedisStore({ url: server.url, namespace })
  const { keys } = await inspectRedisStore({ url: server.url, namespace, sampleSize: 2 })
  expect(keys.isEstimate).toBe(true)
  expect(keys.count).toBe(all.keys.count)
  const rollouts = keys.kinds.find(({ kind }) => kind === 'rollout')!
  expect(rollouts).toMatchObject({ count: 7, isEstimate: true })
  const ratio = rollouts.bytes / all.keys.kinds.find(({ kind }) => kind === 'rollout')!.bytes
  expect(Math.abs(Math.log(ratio))).toBeLessThan(Math.log(5))
  expect(keys.kinds.find(({ kind }) => kind === 'control')).toMatchObject({ count: 1, isEstimate: false })
})

test('a place without a body is told, and no fault', async () => {
  const filled = await fill()
  const { rollout_id: rolloutId } = filled.finished
  const [bodies] = await admin.keys(`agl:1:{${filled.namespace}:${rolloutId}}:spans:*`)
  await admin.hdel(bodies!, '2')
  expect(await inspect(filled)).toMatchObject({
    violations: [],
    placesWithoutBodies: [{ rolloutId, place: 2 }],
  })
})

test('a namespace that begins with the name of another is not taken for it, nor is another version of the schema', async () => {
  const outer = await fill()
  const inner = await fillStore({ url: server.url, namespace: `${outer.namespace}:inner` })
  await inner.store.close()
  const names = await admin.keys(`agl:1:{${outer.namespace}:inner*`)
  await admin.set(`agl:2:{${outer.namespace}}:control`, '1')
  const [first, second] = [await inspect(outer), await inspect(inner)]
  expect(first).toMatchObject({ violations: [], otherSchemaVersions: [2] })
  expect(second).toMatchObject({ violations: [], otherSchemaVersions: [], keys: { count: names.length } })
  const bare = (await admin.keys(`agl:1:{${outer.namespace}[:}]*`)).length - names.length
  expect(first.keys.count).toBe(bare)
})

test('what is written to ask replicas how far they are is known', async () => {
  const filled = await fill()
  await admin.set(filled.keys.of('marker'), '')
  await admin.set(filled.keys.spansMarker(filled.running.rollout_id), '')
  const { violations, keys } = await inspect(filled)
  expect(violations).toEqual([])
  expect(keys.kinds.find(({ kind }) => kind === 'marker')).toMatchObject({ count: 2 })
})

test('a store that is at work raises no false alarm', { timeout: 60_000 }, async () => {
  const namespace = newNamespace()
  const store = createRedisStore({ url: server.url, namespace, retention: { maxRollouts: 300, maxBytes: 2_000_000 } })
  onTestFinished(() => store.close())
  const stop = new AbortController()
  let done = 0
  const work = async (workerId: string): Promise<void> => {
    for (let count = 0; !stop.signal.aborted; count++) {
      const config = { timeout_seconds: 60, max_attempts: 2, retry_condition: ['failed' as const] }
      const rollouts = [{ input: count, priority: count % 3, config }, { input: 'not to be done' }]
      const [, other] = await store.enqueueManyRollouts({ rollouts })
      await store.cancelRollouts({ rolloutIds: [other!.rollout_id] })
      const claimed = await store.dequeueRollout({ workerId, leaseMs: 60_000 })
      if (claimed === null) continue
      const { rollout_id: rolloutId, attempt } = claimed
      await store.addManySpans({ spans: [spanOf(claimed), spanOf(claimed), spanOf(claimed)] })
      if (count % 5 === 0) await store.updateResources({ resourcesId: `rs-${workerId}`, resources: {} })
      await store.updateAttempt({ rolloutId, attemptId: attempt.attempt_id, status: count % 4 === 0 ? 'failed' : 'succeeded' })
      if (count % 3 === 0) await store.cancelRollouts({ rolloutIds: [rolloutId] })
      done++
    }
  }
  const working = Promise.all(['a', 'b', 'c', 'a', 'b', 'c'].map((name) => work(name)))
  let looks = 0
  try {
    while (looks < 8) {
      const { violations } = await inspect({ namespace })
      expect(violations).toEqual([])
      looks++
    }
  } finally {
    stop.abort()
    await working
  }
  expect(done).toBeGreaterThan(200)
  expect(await inspect({ namespace })).toMatchObject({ violations: [], unchecked: [] })
})

test('a fault is found in a store that is at work', async () => {
  const filled = await fill()
  const store = createRedisStore({ url: server.url, namespace: filled.namespace })
  const stop = new AbortController()
  const working = (async () => {
    while (!stop.signal.aborted) await store.startRollout({ rollout: { input: 1 }, workerId: 'w9' })
  })()
  await admin.zrem(filled.keys.of('statuses'), filled.queued)
  const { violations } = await inspect(filled)
  stop.abort()
  await working
  await store.close()
  expect(violations).toEqual([{ invariant: 'status_index', ids: [filled.queued], message: expect.any(String) }])
})

test('tells how far it is, and ends when it is told to', async () => {
  const { namespace } = await fill()
  const stages = new Set<string>()
  await inspectRedisStore({ url: server.url, namespace, onProgress: ({ stage }) => stages.add(stage) })
  expect([...stages]).toEqual(['keys', 'rollouts', 'rollouts with spans'])
  const stop = new AbortController()
  stop.abort(new Error('enough'))
  await expect(inspectRedisStore({ url: server.url, namespace, signal: stop.signal })).rejects.toThrow('enough')
})

test('a server that cannot save its data, and takes no write, can be looked into', async () => {
  const own = await startServer('--save', '3600 1')
  onTestFinished(() => own.stop())
  const { store, namespace } = await fillStore({ url: own.url })
  await store.close()
  const direct = new Redis(own.url)
  onTestFinished(() => direct.disconnect())
  await failToSave(own)
  await expect(direct.set('a', '1')).rejects.toThrow('MISCONF')
  await direct.config('SET', 'maxmemory', '1')
  expect(await inspectRedisStore({ url: own.url, namespace })).toMatchObject({
    violations: [],
    servers: [{ maxMemoryBytes: 1, persistence: { save: '3600 1', isHealthy: false } }],
  })
})

test('a server that is not there, and options that do not fit, are told', async () => {
  await expect(inspectRedisStore({ url: 'redis://127.0.0.1:1' })).rejects.toMatchObject({ code: 'upstream_failed' })
  const wrong = { code: 'invalid_argument', message: expect.stringContaining('inspectRedisStore') }
  await expect(inspectRedisStore({ sampleSize: 0 })).rejects.toMatchObject(wrong)
  await expect(inspectRedisStore({ pollMs: 10 } as object)).rejects.toMatchObject(wrong)
})

test('a cluster: every primary is looked at', { timeout: 60_000 }, async () => {
  const cluster = await startCluster()
  onTestFinished(() => cluster.stop())
  const filled = await fillStore({ client: cluster.createClient() })
  await filled.store.close()
  const { namespace } = filled
  const look = () => inspectRedisStore({ client: cluster.createClient(), namespace })
  const clean = await look()
  expect(clean).toMatchObject({ violations: [], unchecked: [] })
  expect(clean.servers).toHaveLength(3)
  expect(clean.keys.kinds.find(({ kind }) => kind === 'spans')).toMatchObject({ count: 2 })
  // One that lies with each server, in turn.
  const client = cluster.createClient()
  const keys = createKeys(namespace)
  const ghosts = Array.from({ length: 20 }, (_, index) => keys.spans(`ro-ghost-${index}`, '1'))
  for (const ghost of ghosts) await client.hset(ghost, '1', '1 {}')
  client.disconnect()
  const { violations } = await look()
  expect(violations.map(({ ids }) => ids[0]).toSorted()).toEqual(ghosts.toSorted())
})
