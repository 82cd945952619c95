import { spanOf } from '@agl/store-kit/testing'
import { AglError } from '@agl/types'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createRedisStore, type RedisStore } from './create-redis-store.ts'
import type { RedisStoreOptions } from './options.ts'
import { type Proxy, startProxy } from './proxy.test-support.ts'
import { startCluster, startTcpServer, type TestServer } from './redis-server.test-support.ts'
import { newNamespace } from './test-store.test-support.ts'

function openStore(options: RedisStoreOptions): RedisStore {
  const store = createRedisStore(options)
  onTestFinished(() => store.close())
  return store
}

function openAdmin(url: string): Redis {
  const admin = new Redis(url)
  admin.on('error', () => {})
  onTestFinished(() => admin.disconnect())
  return admin
}

/** A server and a replica of it, with a network between them that can be lost. */
async function startPair(): Promise<{ readonly primary: TestServer; readonly replica: TestServer; readonly network: Proxy }> {
  const primary = await startTcpServer('--repl-diskless-sync-delay', '0')
  onTestFinished(() => primary.stop())
  const network = await startProxy(primary.port)
  const replica = await startTcpServer('--replicaof', `127.0.0.1 ${network.port}`)
  onTestFinished(() => replica.stop())
  const admin = openAdmin(primary.url)
  do await admin.set('there', 'yes')
  while ((await admin.wait(1, 100)) === 0)
  return { primary, replica, network }
}

/**
 * Hands out rollouts with a span each; in the middle of it the replica is cut off, and takes over when nothing is
 * acknowledged any more, or enough.
 */
async function failOver(minReplicas: number): Promise<{ readonly acknowledged: number; readonly missing: readonly string[] }> {
  const { primary, replica, network } = await startPair()
  const namespace = newNamespace()
  const store = openStore({ url: primary.url, namespace, minReplicas, deadlineMs: 0 })
  const acknowledged: string[] = []
  const work = async (): Promise<void> => {
    const claimed = await store.startRollout({ rollout: { input: 1 } })
    const span = await store.addSpan(spanOf(claimed))
    acknowledged.push(`${claimed.rollout_id} ${span!.span_id}`)
  }
  const refused: unknown[] = []
  for (let round = 0; round < 20 && refused.length === 0; round++) {
    if (round === 10) network.hold()
    const ends = await Promise.allSettled(Array.from({ length: 5 }, work))
    refused.push(...ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : [])))
  }
  expect(refused.every((error) => AglError.isInstance(error, 'timeout') && error.isRetryable)).toBe(true)
  await primary.kill()
  await openAdmin(replica.url).replicaof('NO', 'ONE')
  const after = openStore({ url: replica.url, namespace })
  const missing: string[] = []
  for (const place of acknowledged) {
    const [rolloutId, spanId] = place.split(' ') as [string, string]
    if ((await after.querySpans({ rolloutId, spanId })).total !== 1) missing.push(place)
  }
  return { acknowledged: acknowledged.length, missing }
}

/** A busy machine takes its time, and replicas need a moment to join a new cluster. */
async function untilConfirmed<Value>(work: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!AglError.isInstance(error, 'timeout')) throw error
    }
  }
}

describe('replicas', () => {
  test('what one of them has confirmed is there after a failover to it', async () => {
    expect(await failOver(1)).toEqual({ acknowledged: 50, missing: [] })
  })

  test('what none of them was asked for may be lost', async () => {
    const { acknowledged, missing } = await failOver(0)
    expect(acknowledged).toBe(100)
    // All that came after the replica was cut off, and what was on its way.
    expect(missing.length).toBeGreaterThanOrEqual(50)
  })

  test('a call that too few confirm is refused as something to try again, and is done once', async () => {
    const { primary, replica } = await startPair()
    const store = openStore({ url: primary.url, namespace: newNamespace(), minReplicas: 1, replicaTimeoutMs: 100 })
    const claimed = await untilConfirmed(() => store.startRollout({ rollout: { input: 1, rollout_id: 'first' } }))
    const span = spanOf(claimed)
    replica.freeze()
    const refused = { code: 'timeout', isRetryable: true, message: expect.stringContaining('0 instead of 1 replicas') }
    await expect(store.enqueueRollout({ input: 2, rollout_id: 'again' })).rejects.toMatchObject(refused)
    await expect(store.addSpan(span)).rejects.toMatchObject(refused)
    // It is done already, and still not confirmed.
    await expect(store.enqueueRollout({ input: 2, rollout_id: 'again' })).rejects.toMatchObject(refused)
    expect(await store.getRolloutById({ rolloutId: 'again' })).toMatchObject({ status: 'queuing' })
    replica.thaw()
    const again = await untilConfirmed(() => store.enqueueRollout({ input: 2, rollout_id: 'again' }))
    expect(again).toMatchObject({ status: 'queuing' })
    await untilConfirmed(() => store.addSpan(span))
    expect(await store.querySpans({ rolloutId: 'first' })).toMatchObject({ items: [{ sequence_id: 1 }] })
    expect(await store.statistics()).toMatchObject({ total_rollouts: 2, total_spans: 1 })
  })

  test('a call that was lost with its connection is confirmed when it is sent again', async () => {
    const { primary, replica } = await startPair()
    const client = await startProxy(Number(new URL(primary.url).port))
    const store = openStore({ url: client.url, namespace: newNamespace(), minReplicas: 1, replicaTimeoutMs: 100 })
    await untilConfirmed(() => store.enqueueRollout({ input: 1, rollout_id: 'first' }))
    client.cutAt(1, async () => replica.freeze())
    await expect(store.enqueueRollout({ input: 2 })).rejects.toMatchObject({ code: 'timeout' })
    expect(client.cuts).toBe(1)
    replica.thaw()
  })

  test('reports are confirmed though the memory of the server is full', async () => {
    const { primary } = await startPair()
    const store = openStore({ url: primary.url, namespace: newNamespace(), minReplicas: 1 })
    const { rollout_id: rolloutId, attempt } = await store.startRollout({ rollout: { input: 1 } })
    await openAdmin(primary.url).config('SET', 'maxmemory', '1')
    const report = { rolloutId, attemptId: attempt.attempt_id, status: 'succeeded' } as const
    expect(await store.updateAttempt(report)).toMatchObject({ status: 'succeeded' })
  })

  test('in a cluster those of the server are asked that was written to', { timeout: 60_000 }, async () => {
    const cluster = await startCluster(1)
    onTestFinished(() => cluster.stop())
    const namespace = newNamespace()
    const client = cluster.createClient()
    const store = openStore({ client, namespace, minReplicas: 1, replicaTimeoutMs: 300 })
    const claimed = await Promise.all(
      ['1', '2', '3', '4', '5', '6', '7', '8'].map(async (id) => {
        const one = await untilConfirmed(() => store.startRollout({ rollout: { input: id, rollout_id: id } }))
        await untilConfirmed(() => store.addSpan(spanOf(one, { span_id: 'first' })))
        return one
      }),
    )
    const namesOf = async ({ url }: TestServer): Promise<readonly string[]> => openAdmin(url).keys(`agl:1:{${namespace}*`)
    const names = await Promise.all(
      cluster.servers.map(async (server) => {
        const [role] = (await openAdmin(server.url).role()) as readonly unknown[]
        return { server, isReplica: role === 'slave', names: await namesOf(server) }
      }),
    )
    const others = names.filter((server) => server.isReplica && !server.names.includes(`agl:1:{${namespace}}:control`))
    expect(others).toHaveLength(2)
    for (const { server } of others) server.freeze()
    const ends = await Promise.allSettled(claimed.map((one) => store.addSpan(spanOf(one))))
    const refused = claimed.filter((_, index) => ends[index]!.status === 'rejected')
    const reasons = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
    expect(reasons.every((reason) => AglError.isInstance(reason, 'timeout'))).toBe(true)
    // The spans of those lie where nobody confirms; the control slot is confirmed all the time.
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.length).toBeLessThan(claimed.length)
    for (const { rollout_id: rolloutId, attempt } of refused) {
      await store.updateAttempt({ rolloutId, attemptId: attempt.attempt_id, status: 'succeeded' })
    }
  })
})
