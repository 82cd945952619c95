import { describeStoreContract, describeStoreModel, type StoreContractOptions } from '@agl/store-kit/conformance'
import { spanOf } from '@agl/store-kit/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRedisStore } from './create-redis-store.ts'
import { startCluster, type TestCluster } from './redis-server.test-support.ts'
import { createTestStore, newNamespace } from './test-store.test-support.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster()
}, 30_000)
afterAll(() => cluster.stop())

const contract: StoreContractOptions = {
  name: 'RedisStore on a cluster',
  create: (options) => createTestStore({ client: cluster.createClient(), ...options }),
}

describeStoreContract(contract)
describeStoreModel({ ...contract, runs: 30 })

test('the spans of a namespace are spread over the servers, everything else lies together', async () => {
  const namespace = newNamespace()
  const store = createRedisStore({ client: cluster.createClient(), namespace })
  for (let count = 0; count < 30; count++) {
    const claimed = await store.startRollout({ rollout: { input: count } })
    await store.addSpan(spanOf(claimed))
  }
  await store.close()
  const counts = await Promise.all(
    cluster.servers.map(async ({ url }) => {
      const client = new Redis(url)
      const names = (await client.keys(`agl:*${namespace}*`)).filter((name) => name.startsWith(`agl:1:{${namespace}`))
      client.disconnect()
      const spans = names.filter((name) => name.includes(':spans:')).length
      return { spans, others: names.length - spans }
    }),
  )
  for (const { spans } of counts) expect(spans).toBeGreaterThan(0)
  expect(counts.filter(({ others }) => others > 0)).toHaveLength(1)
})
