import type { LightningStore, StoreCapabilities, StoreFeature } from '@agl/types'
import { afterEach, beforeAll, test } from 'vitest'
import type { RetentionOptions } from '../retention.ts'
import { requirementOf } from './requirements.ts'

/** A store to be tested, alone on its data and with its time in the hands of the test. */
export interface StoreUnderTest {
  readonly store: LightningStore
  /**
   * Another handle on the same data, as another process would open it; the suite closes it. May be absent where
   * `capabilities.sharing` is `process`: the store is then its own second handle.
   */
  second?(): LightningStore | Promise<LightningStore>
  /** Moves the store's time, and resolves when the timers that fell due have done their work. */
  advance(milliseconds: number): void | Promise<void>
  /** Resolves when the calls made so far have reached the store. Default: after a few turns of the event loop. */
  settle?(): Promise<void>
  /** Closes the store and removes its data. */
  close(): Promise<void>
}

export interface StoreContractOptions {
  /** For the titles of the tests. */
  readonly name: string
  /** A new, empty store. `retention` is only given when the store declares that feature. */
  create(options?: { readonly retention?: RetentionOptions }): StoreUnderTest | Promise<StoreUnderTest>
}

/** A store under test, with everything filled in. */
export interface OpenStore {
  readonly store: LightningStore
  second(): Promise<LightningStore>
  advance(milliseconds: number): Promise<void>
  /** What happened to a promise so far, after the calls made before have reached the store. */
  stateOf(promise: Promise<unknown>): Promise<'pending' | 'resolved' | 'rejected'>
}

/** A test that has begun. */
export interface RunningTest {
  /** Ends it as skipped when the condition holds. */
  skip(condition: boolean, note: string): void
}

/** What the groups of the suite write their tests with. */
export interface Suite {
  /** A test of one requirement; skipped when the store does not declare a feature that the requirement needs. */
  check(id: string, title: string, body: (test: RunningTest) => Promise<void>): void
  /** A new store, closed after the test. */
  open(options?: { readonly retention?: RetentionOptions }): Promise<OpenStore>
  /** Whether the store declares a feature; only within a test. */
  has(feature: StoreFeature): boolean
}

export function createSuite(options: StoreContractOptions): Suite {
  const closes: (() => Promise<void>)[] = []
  let capabilities: StoreCapabilities = { durability: 'none', sharing: 'process', features: [] }
  beforeAll(async () => {
    const subject = await options.create()
    capabilities = subject.store.capabilities
    await subject.close()
  })
  afterEach(async () => {
    // Handles before the store that removes the data under them.
    for (const close of closes.splice(0).toReversed()) await close()
  })
  const has = (feature: StoreFeature): boolean => capabilities.features.includes(feature)
  return {
    has,
    check(id, title, body) {
      const { features = [] } = requirementOf(id)
      // oxlint-disable-next-line vitest/expect-expect -- the bodies assert
      test(`[${id}] ${title}`, async (context) => {
        const missing = features.filter((feature) => !has(feature))
        context.skip(missing.length > 0, `${options.name} does not declare ${missing.join(', ')}`)
        await body(context)
      })
    },
    async open(request) {
      const subject = await options.create(request)
      closes.push(() => subject.close())
      return openStore(subject, (handle) => closes.push(() => handle.close()))
    },
  }
}

function openStore(subject: StoreUnderTest, onHandle: (handle: LightningStore) => void): OpenStore {
  const settle = subject.settle?.bind(subject) ?? turnEventLoop
  return {
    store: subject.store,
    async second() {
      if (subject.second !== undefined) {
        const handle = await subject.second()
        if (handle !== subject.store) onHandle(handle)
        return handle
      }
      if (subject.store.capabilities.sharing === 'process') return subject.store
      throw new Error('A store that shares its data beyond its process needs `second()` in what `create()` answers.')
    },
    async advance(milliseconds) {
      await subject.advance(milliseconds)
    },
    async stateOf(promise) {
      let state: 'pending' | 'resolved' | 'rejected' = 'pending'
      promise.then(
        () => (state = 'resolved'),
        () => (state = 'rejected'),
      )
      await settle()
      await turnEventLoop()
      return state
    },
  }
}

async function turnEventLoop(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
