import { spanOf } from '@agl/store-kit/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createRedisStore, type RedisStore } from './create-redis-store.ts'
import { inspectRedisStore } from './inspect/inspect.ts'
import { createKeys, type Keys } from './keys.ts'
import type { RedisStoreOptions } from './options.ts'
import { startServer, type TestServer } from './redis-server.test-support.ts'
import { newNamespace } from './test-store.test-support.ts'

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

function open(options: RedisStoreOptions = {}): { readonly store: RedisStore; readonly namespace: string; readonly keys: Keys } {
  const namespace = newNamespace()
  const store = createRedisStore({ url: server.url, namespace, ...options })
  onTestFinished(() => store.close())
  return { store, namespace, keys: createKeys(namespace) }
}

/** Names of the keys that hold bodies of spans. */
async function bodiesOf(namespace: string): Promise<number> {
  return (await admin.keys('*')).filter((name) => name.includes(`{${namespace}:`)).length
}

describe('odd cases', () => {
  test('work behind thousands of entries of what was cancelled is found at once', async () => {
    const { store } = open({ pollMs: 60_000 })
    const added = await store.enqueueManyRollouts({ rollouts: Array.from({ length: 3000 }, (_, input) => ({ input })) })
    await store.cancelRollouts({ rolloutIds: added.map((rollout) => rollout.rollout_id) })
    await store.enqueueManyRollouts({ rollouts: [{ input: 'work' }, { input: 'more' }] })
    expect(await store.dequeueRollout()).toMatchObject({ input: 'work' })
    expect(await store.dequeueRollout({ waitMs: 10_000 })).toMatchObject({ input: 'more' })
    expect(await store.dequeueRollout()).toBeNull()
  })

  test('tens of thousands of spans in one call', async () => {
    const { store } = open()
    const claimed = await store.startRollout({ rollout: { input: 1 } })
    const spans = Array.from({ length: 45_000 }, (_, index) => spanOf(claimed, { span_id: `s${index}`, attributes: {} }))
    expect(await store.addManySpans({ spans })).toHaveLength(45_000)
    const last = await store.querySpans({ rolloutId: claimed.rollout_id, offset: 44_999 })
    expect(last).toMatchObject({ total: 45_000, items: [{ span_id: 's44999' }] })
  })

  test('of two who store one span at once, each with a body of its own, one is told so and that body stays', async () => {
    const { store, namespace } = open()
    const other = createRedisStore({ url: server.url, namespace })
    onTestFinished(() => other.close())
    const claimed = await store.startRollout({ rollout: { input: 1 } })
    const { rollout_id: rolloutId } = claimed
    const told: string[] = []
    for (let index = 0; index < 300; index += 1) {
      const both = await Promise.all(
        [store, other].map((each, by) => each.addSpan(spanOf(claimed, { span_id: `s${index}`, attributes: { by } }))),
      )
      told.push(both.flatMap((span) => (span === null ? [] : [span.attributes['by']])).join())
    }
    const { items } = await store.querySpans({ rolloutId })
    expect(told).toEqual(items.map(({ attributes }) => String(attributes['by'])))
  })

  test('a sequence id stands before a body only where its field says another number', async () => {
    const { store, keys } = open()
    const claimed = await store.startRollout({ rollout: { input: 1 } })
    const { rollout_id: rolloutId } = claimed
    const spans = [spanOf(claimed), spanOf(claimed, { sequence_id: 7 }), spanOf(claimed)]
    const stored = await store.addManySpans({ spans })
    expect(stored.map((span) => span.sequence_id)).toEqual([1, 7, 8])
    const key = keys.spans(rolloutId, '1')
    const bodies = await admin.hgetall(key)
    expect(Object.values(bodies).map((body) => body.slice(0, body.indexOf('{')))).toEqual(['', '7 ', '8 '])
    expect((await store.querySpans({ rolloutId })).items).toEqual(stored)
    await admin.hset(key, '1', `1 ${bodies['1']}`)
    expect((await store.querySpans({ rolloutId })).items).toEqual(stored)
  })

  test('limits beyond all time are none', async () => {
    const { store, keys } = open({ pollMs: 10 })
    await store.enqueueRollout({ input: 1, config: { timeout_seconds: 1e303, unresponsive_seconds: 1e12 } })
    const { rollout_id: rolloutId, attempt } = (await store.dequeueRollout())!
    expect(await admin.zcard(keys.of('deadlines'))).toBe(0)
    const past = { rolloutId, attemptId: attempt.attempt_id, lastHeartbeatTime: -1e300 }
    expect(await store.updateAttempt(past)).toMatchObject({ last_heartbeat_time: -1e300 })
    await store.startAttempt({ rolloutId, leaseMs: 50 })
    while ((await store.getLatestAttempt({ rolloutId }))!.status === 'preparing');
  })

  test('spans of a rollout that is deleted meanwhile leave no bodies behind', async () => {
    const { store, namespace } = open()
    const other = createRedisStore({ url: server.url, namespace })
    onTestFinished(() => other.close())
    const race = async (): Promise<void> => {
      const claimed = await store.startRollout({ rollout: { input: 1 } })
      const id = { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
      await store.updateAttempt({ ...id, status: 'succeeded' })
      await Promise.allSettled([
        store.addManySpans({ spans: [spanOf(claimed), spanOf(claimed)] }),
        other.deleteRollouts({ rolloutIds: [claimed.rollout_id] }),
      ])
    }
    for (let round = 0; round < 30; round++) await Promise.all(Array.from({ length: 10 }, race))
    await store.deleteRollouts({ rolloutIds: (await store.queryRollouts()).items.map((rollout) => rollout.rollout_id) })
    expect(await bodiesOf(namespace)).toBe(0)
    expect(await inspectRedisStore({ url: server.url, namespace })).toMatchObject({ violations: [] })
  })

  test('spans that retention drops as they come leave no bodies behind', async () => {
    const { store, namespace } = open({ retention: { maxBytes: 20_000 } })
    for (let round = 0; round < 20; round++) {
      const claimed = await store.startRollout({ rollout: { input: 1 } })
      const { rollout_id: rolloutId, attempt } = claimed
      await store.updateAttempt({ rolloutId, attemptId: attempt.attempt_id, status: 'succeeded' })
      await store.addSpan(spanOf(claimed, { attributes: { text: 'x'.repeat(9000) } }))
    }
    expect(await bodiesOf(namespace)).toBeLessThan(2)
    expect(await inspectRedisStore({ url: server.url, namespace })).toMatchObject({ violations: [] })
  })

  test('a call that waits is still told of work after another one of its handle had a turn at its very end', async () => {
    const { store, namespace } = open({ pollMs: 60_000 })
    const other = createRedisStore({ url: server.url, namespace })
    onTestFinished(() => other.close())
    for (let round = 0; round < 10; round++) {
      const short = store.dequeueRollout({ waitMs: 20 })
      const long = store.dequeueRollout({ waitMs: 10_000 })
      await new Promise((resolve) => setTimeout(resolve, 15 + (round % 6)))
      await other.enqueueRollout({ input: 'taken' })
      const taken = await other.dequeueRollout()
      const first = await short
      await other.enqueueRollout({ input: 'for the long one' })
      if (taken === null && first === null) await other.enqueueRollout({ input: 'another' })
      expect(await long).not.toBeNull()
      while ((await other.dequeueRollout()) !== null);
    }
  })

  test('thousands of priorities in one call', async () => {
    const { store } = open()
    const rollouts = Array.from({ length: 4000 }, (_, priority) => ({ input: priority, priority }))
    const start = performance.now()
    await store.enqueueManyRollouts({ rollouts })
    expect(performance.now() - start).toBeLessThan(5000)
    expect(await store.dequeueRollout()).toMatchObject({ input: 3999 })
  })

  test('thousands of versions are deleted by one call', async () => {
    const { store } = open()
    const updates = Array.from({ length: 9000 }, () => ({ resourcesId: 'many', resources: {} }))
    await store.updateManyResources({ updates })
    await store.addResources({ resources: {} })
    expect(await store.deleteResources({ resourcesId: 'many' })).toHaveLength(9000)
  })

  test('new ids of one call are in the order of the call', async () => {
    const { store } = open()
    const ids = ['q1', 'q2', 'q3', 'q4', 'q5', 'q6']
    await store.updateManyResources({ updates: ids.map((resourcesId) => ({ resourcesId, resources: {} })) })
    expect((await store.queryResources()).items.map((item) => item.resources_id)).toEqual(ids)
  })

  test('metadata of attempts count after an import too', async () => {
    const { store } = open()
    const claimed = await store.startRollout({ rollout: { input: 1 } })
    const id = { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
    await store.updateAttempt({ ...id, metadata: { text: 'x'.repeat(5000) } })
    const { store: copy, namespace } = open()
    await copy.importSnapshot({ lines: store.exportSnapshot() })
    await copy.updateAttempt({ ...id, metadata: {} })
    expect(await inspectRedisStore({ url: server.url, namespace })).toMatchObject({ violations: [] })
  })

  test('the current attempt of a worker is none of a rollout that was deleted', async () => {
    const { store } = open()
    await store.enqueueManyRollouts({ rollouts: [{ input: 'x' }, { input: 'r' }] })
    const [x, r] = await store.dequeueManyRollouts({ limit: 2, workerId: 'w' })
    await store.startAttempt({ rolloutId: r!.rollout_id, workerId: 'w' })
    await store.updateRollout({ rolloutId: r!.rollout_id, status: 'succeeded' })
    await store.deleteRollouts({ rolloutIds: [r!.rollout_id] })
    expect(await store.getWorkerById({ workerId: 'w' })).toMatchObject({ current_rollout_id: x!.rollout_id })
  })

  test('a sign of life that is set back brings the limit nearer', async () => {
    const { store } = open({ pollMs: 20 })
    await store.enqueueRollout({ input: 1, config: { unresponsive_seconds: 30 } })
    const { rollout_id: rolloutId, attempt } = (await store.dequeueRollout())!
    const id = { rolloutId, attemptId: attempt.attempt_id }
    await store.updateAttempt({ ...id, lastHeartbeatTime: attempt.start_time - 100 })
    while ((await store.getLatestAttempt({ rolloutId }))!.status !== 'unresponsive');
    expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status: 'failed' })
  })

  test('the list of what is finished does not grow with what is deleted', async () => {
    const { store, keys } = open()
    for (let round = 0; round < 20; round++) {
      const added = await store.enqueueManyRollouts({ rollouts: Array.from({ length: 50 }, () => ({ input: 1 })) })
      const rolloutIds = added.map((rollout) => rollout.rollout_id)
      await store.cancelRollouts({ rolloutIds })
      await store.deleteRollouts({ rolloutIds })
    }
    expect(await admin.llen(keys.of('ended'))).toBeLessThan(100)
  })
})
