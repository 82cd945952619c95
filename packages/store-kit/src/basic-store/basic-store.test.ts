import type { JsonValue } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { describeStoreContract, describeStoreModel } from '../conformance/index.ts'
import { createManualClock, spanOf } from '../testing/index.ts'
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

  test('a storage that fails hands out no work, and what it could not claim stays in the queue', async () => {
    let failing: 'never' | 'always' | 'claims' = 'never'
    const storage: RecordStorage = {
      read: () => [],
      write(changes) {
        const isClaim = JSON.stringify(changes).includes('"attempt_id"')
        if (failing === 'always' || (failing === 'claims' && isClaim)) throw new Error('disk')
      },
    }
    const store = createBasicStore({ clock: createManualClock(), storage })
    const parked = store.dequeueRollout({ waitMs: 60_000, workerId: 'w' })
    for (const how of ['always', 'claims'] as const) {
      failing = how
      await expect(store.enqueueRollout({ input: how })).rejects.toThrow('disk')
      expect(await Promise.race([parked, new Promise((resolve) => setImmediate(resolve, 'waits'))])).toBe('waits')
    }
    failing = 'never'
    await store.statistics()
    expect(await parked).toMatchObject({ input: 'always', attempt: { sequence_id: 1 } })
    expect((await store.getWorkerById({ workerId: 'w' }))?.status).toBe('busy')
    expect(await store.statistics()).toMatchObject({ total_rollouts: 1, total_attempts: 1 })
  })

  test('a storage that fails while the timer ends an attempt is tried again a second later', async () => {
    let isFailing = false
    const storage: RecordStorage = {
      read: () => [],
      write: () => {
        if (isFailing) throw new Error('disk')
      },
    }
    const clock = createManualClock()
    const store = createBasicStore({ clock, storage })
    const { rollout_id: rolloutId } = await store.startRollout({
      rollout: { input: 0, config: { timeout_seconds: 5 } },
    })
    const ended = store.waitForRollouts({ rolloutIds: [rolloutId] })
    isFailing = true
    clock.advance(5100)
    await expect(store.statistics()).rejects.toThrow('disk')
    isFailing = false
    clock.advance(1100)
    expect(await ended).toMatchObject([{ status: 'failed' }])
    expect(await store.getLatestAttempt({ rolloutId })).toMatchObject({ status: 'timeout' })
  })

  test('stores none of many rollouts when one is refused', async () => {
    const store = createBasicStore({ clock: createManualClock() })
    await store.startRollout({ rollout: { input: 0, idempotency_key: 'k' } })
    for (const last of [
      { input: 2, priority: 1 },
      { input: 2, idempotency_key: 'k' },
    ]) {
      await expect(store.enqueueManyRollouts({ rollouts: [{ input: 1 }, last] })).rejects.toMatchObject({
        code: expect.stringMatching(/not_supported|conflict/),
      })
    }
    expect((await store.statistics()).total_rollouts).toBe(1)
  })

  test('knows no attempt by the name latest for a span, and no sequence id without room behind it', async () => {
    const store = createBasicStore({ clock: createManualClock() })
    const claimed = await store.startRollout({ rollout: { input: 0 } })
    const span = spanOf(claimed, { attempt_id: 'latest' })
    await expect(store.addSpan(span)).rejects.toMatchObject({ code: 'not_found' })
    const tooHigh = spanOf(claimed, { sequence_id: Number.MAX_SAFE_INTEGER })
    await expect(store.addSpan(tooHigh)).rejects.toMatchObject({ code: 'invalid_argument', data: { field: 'sequence_id' } })
    expect((await store.querySpans({ rolloutId: claimed.rollout_id })).total).toBe(0)
  })

  test('refuses a storage of something else', () => {
    const storage: RecordStorage = { read: () => [['setting', 1]], write: () => {} }
    expect(() => createBasicStore({ storage })).toThrow('found the key "setting"')
  })
})
