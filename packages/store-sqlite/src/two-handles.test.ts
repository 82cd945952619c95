import { setTimeout as sleep } from 'node:timers/promises'
import { describeStoreModel, type StoreUnderTest } from '@agl/store-kit/conformance'
import { createManualClock } from '@agl/store-kit/testing'
import type { LightningStore } from '@agl/types'
import { createSqliteStore } from './create-sqlite-store.ts'
import { createTestFile } from './test-file.test-support.ts'

/** A store each of whose verbs goes to another handle than the one before. */
function alternate(stores: readonly LightningStore[]): LightningStore {
  let turn = 0
  const next = (_: object, name: string | symbol): unknown => Reflect.get(stores[turn++ % stores.length]!, name)
  return new Proxy({}, { get: next }) as LightningStore
}

// What one handle writes the other must know at the very next call: neither may keep anything in memory.
describeStoreModel({
  name: 'SqliteStore by two handles',
  runs: 100,
  create(options = {}): StoreUnderTest {
    const clock = createManualClock()
    const { file, remove } = createTestFile()
    const stores = [1, 2].map((seed) => createSqliteStore({ file, clock, seed, durability: 'normal', pollMs: 1, ...options }))
    const each = (work: (store: LightningStore) => Promise<unknown>): Promise<unknown> => Promise.all(stores.map(work))
    return {
      store: alternate(stores),
      async advance(milliseconds) {
        clock.advance(milliseconds)
        await each((store) => store.statistics())
      },
      settle: () => sleep(5),
      async close() {
        await each((store) => store.close())
        remove()
      },
    }
  },
})
