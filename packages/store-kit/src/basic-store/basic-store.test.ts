import type { JsonValue } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { describeStoreContract, describeStoreModel } from '../conformance/index.ts'
import { createManualClock } from '../testing/index.ts'
import { createBasicStore, type RecordStorage } from './index.ts'

/** A storage that keeps text, as a file would: what is not JSON does not survive it. */
function textStorage(): RecordStorage & { readonly records: Map<string, string> } {
  const records = new Map<string, string>()
  return {
    records,
    read: () => [...records].map(([key, text]) => [key, JSON.parse(text) as JsonValue] as const),
    write(changes) {
      for (const [key, value] of changes) records.set(key, JSON.stringify(value))
    },
  }
}

const options = {
  name: 'BasicStore',
  create() {
    const clock = createManualClock()
    const store = createBasicStore({ clock, storage: textStorage() })
    return { store, advance: clock.advance, close: () => store.close() }
  },
}

describeStoreContract(options)
describeStoreModel({ ...options, runs: 50 })

describe('basic store', () => {
  test('finds everything in its storage again', async () => {
    const clock = createManualClock()
    const storage = textStorage()
    const store = createBasicStore({ clock, storage })
    await store.addResources({ resources: { knob: { resource_type: 'custom:knob', turn: 3 } } })
    await store.enqueueManyRollouts({ rollouts: [{ input: 'a' }, { input: 'b', idempotency_key: 'k' }, { input: 'c' }] })
    const claimed = await store.dequeueRollout({ workerId: 'w', leaseMs: 1000, idempotencyKey: 'claim' })
    // Not closed: what was answered is there, whenever the process ends.
    const again = createBasicStore({ clock, storage })
    expect(await again.queryRollouts()).toEqual(await store.queryRollouts())
    expect(await again.queryWorkers()).toEqual(await store.queryWorkers())
    expect(await again.getLatestResources()).toEqual(await store.getLatestResources())
    expect(await again.dequeueRollout({ workerId: 'w', leaseMs: 1000, idempotencyKey: 'claim' })).toEqual(claimed)
    expect(await again.enqueueRollout({ input: 'b', idempotency_key: 'k' })).toMatchObject({ input: 'b' })
    expect((await again.dequeueManyRollouts({ limit: 9 })).map((rollout) => rollout.input)).toEqual(['b', 'c'])
    clock.advance(1100)
    expect(await again.dequeueRollout()).toMatchObject({ input: 'a', attempt: { sequence_id: 2 } })
  })

  test('refuses a storage of something else', () => {
    const storage: RecordStorage = { read: () => [['setting', 1]], write: () => {} }
    expect(() => createBasicStore({ storage })).toThrow('found the key "setting"')
  })
})
