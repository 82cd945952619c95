import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describeStoreContract, describeStoreModel, type StoreUnderTest } from '@agl/store-kit/conformance'
import { createManualClock } from '@agl/store-kit/testing'
import { createMemoryStore } from '@agl/store-memory'
import { createSqliteStore } from '@agl/store-sqlite'
import type { LightningStore } from '@agl/types'
import { createStoreClient } from './client/index.ts'
import { createStoreServer } from './server/index.ts'

type Make = (options: object) => LightningStore

/** A store behind a server of its own, in this process, so that its time is in the hands of the test. */
async function overHttp(make: Make, retention: object | undefined, where: object = { port: 0 }): Promise<StoreUnderTest> {
  const clock = createManualClock()
  const store = make({ clock, ...(retention === undefined ? {} : { retention }) })
  const server = createStoreServer({ store, ...where })
  const { url } = await server.start()
  const open = (): Promise<LightningStore> => createStoreClient({ url, clock: { now: clock.now, wait: clock.wait } })
  const client = await open()
  // What was sent has arrived when a request that was sent after it is answered.
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await client.statistics()
  }
  return {
    store: client,
    second: open,
    async advance(milliseconds) {
      await settle()
      clock.advance(milliseconds)
    },
    settle,
    async close() {
      await client.close()
      await server.close()
      await store.close()
    },
  }
}

for (const [name, make] of [
  ['memory', createMemoryStore],
  ['sqlite', (options: object) => createSqliteStore({ file: ':memory:', ...options })],
] as const) {
  const options = {
    name: `${name} store over HTTP`,
    create: (request?: { readonly retention?: object }) => overHttp(make as Make, request?.retention),
  }
  describeStoreContract(options)
  describeStoreModel({ ...options, runs: 20 })
}

describeStoreContract({
  name: 'memory store over a socket',
  async create(request) {
    const folder = mkdtempSync(path.join(tmpdir(), 'agl socket ü-'))
    const subject = await overHttp(createMemoryStore, request?.retention, { socketPath: path.join(folder, 'store.sock') })
    return {
      ...subject,
      async close() {
        await subject.close()
        rmSync(folder, { recursive: true })
      },
    }
  },
})
