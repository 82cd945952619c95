import { describeStoreContract, describeStoreModel, type StoreContractOptions } from '@agl/store-kit/conformance'
import { afterAll, beforeAll } from 'vitest'
import { startServer, type TestServer } from './redis-server.test-support.ts'
import { createTestStore } from './test-store.test-support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

const contract: StoreContractOptions = {
  name: 'RedisStore',
  create: (options) => createTestStore({ url: server.url, ...options }),
}

describeStoreContract(contract)
describeStoreModel({ ...contract, runs: 60 })
