import { randomBytes } from 'node:crypto'
import type { StoreUnderTest } from '@agl/store-kit/conformance'
import { createManualClock } from '@agl/store-kit/testing'
import { openTestStore } from './create-redis-store.ts'
import type { Handle } from './handle.ts'
import type { RedisStoreOptions } from './options.ts'

/** How far apart two scripts are: enough for the calls that one of them does. */
const scriptMicros = 100

export function newNamespace(): string {
  return `test-${randomBytes(6).toString('hex')}`
}

/** A store on data of its own, whose time the test moves. */
export function createTestStore(options: RedisStoreOptions): StoreUnderTest & { readonly handles: readonly Handle[] } {
  const clock = createManualClock()
  const handles: Handle[] = []
  let time = 0
  const own = { namespace: newNamespace(), ...options }
  const open = () => {
    const { store, handle } = openTestStore(own, {
      clock,
      time: () => (time = Math.max(Math.round(clock.now() * 1e6), time + scriptMicros)),
    })
    handles.push(handle)
    return store
  }
  const settle = async (): Promise<void> => {
    // What was sent before is carried out, what follows from it told and carried out in turn.
    for (let round = 0; round < 4; round++) {
      for (const { state } of openHandles()) {
        await new Promise((resolve) => setImmediate(resolve))
        await state.connection.run((client) => client.ping())
        await state.wakes.settle()
      }
    }
  }
  const openHandles = (): readonly Handle[] => handles.filter(({ state }) => !state.isClosed)
  const nextLimit = async (): Promise<number | null> => {
    const { connection, keys } = openHandles()[0]!.state
    const [, limit] = await connection.run((client) => client.zrange(keys.of('deadlines'), '0', '0', 'WITHSCORES'))
    return limit === undefined ? null : Number(limit) / 1e6
  }
  const sweep = async (): Promise<void> => {
    for (const { state } of openHandles()) await state.sweeper.sweep()
  }
  const store = open()
  return {
    store,
    handles,
    second: open,
    async advance(milliseconds) {
      const target = clock.now() + milliseconds / 1000
      // Each limit at its own moment, as with a timer that is never late.
      for (let due = await nextLimit(); due !== null && due < target; due = await nextLimit()) {
        clock.advance(Math.max(0, due - clock.now()) * 1000 + 1)
        await sweep()
      }
      clock.advance(Math.max(0, target - clock.now()) * 1000)
      await sweep()
      await settle()
    },
    settle,
    close: () => store.close(),
  }
}
