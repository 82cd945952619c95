import { describeStoreContract, describeStoreModel, type StoreContractOptions } from '@agl/store-kit/conformance'
import { afterAll, beforeAll, expect } from 'vitest'
import { startServer, type TestServer } from '../redis-server.test-support.ts'
import { createTestStore, newNamespace } from '../test-store.test-support.ts'
import { inspectRedisStore } from './inspect.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

/** Whatever the suite does to a store, it is whole when it is closed. */
const contract: StoreContractOptions = {
  name: 'RedisStore that is looked at in the end',
  create(options) {
    const namespace = newNamespace()
    const made = createTestStore({ url: server.url, namespace, ...options })
    return {
      ...made,
      async close() {
        await made.close()
        const { violations, unchecked } = await inspectRedisStore({ url: server.url, namespace })
        expect({ violations, unchecked }).toEqual({ violations: [], unchecked: [] })
      },
    }
  },
}

describeStoreContract(contract)
describeStoreModel({ ...contract, runs: 60 })
