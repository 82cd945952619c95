import { getEventListeners } from 'node:events'
import { describeStoreContract } from '@agl/store-kit/conformance'
import { createManualClock } from '@agl/store-kit/testing'
import { defineResourceKind } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStore } from './create-memory-store.ts'

describeStoreContract({
  name: 'MemoryStore',
  create() {
    const clock = createManualClock()
    const store = createMemoryStore({ clock, seed: 1 })
    return { store, advance: clock.advance, close: () => store.close() }
  },
})

describe('memory store', () => {
  test('names itself and what it can do', () => {
    const store = createMemoryStore()
    expect(store.name).toBe('MemoryStore')
    expect(store.capabilities).toEqual({ durability: 'none', sharing: 'process' })
  })

  test('an unknown option is an error', () => {
    const options = { cloc: createManualClock() }
    expect(() => createMemoryStore(options as object)).toThrow('Invalid options of createMemoryStore')
    expect(() => createMemoryStore({ seed: 1, random: (bytes) => new Uint8Array(bytes) })).toThrow('either random or seed')
  })

  test('a seed makes ids repeatable', async () => {
    const ids = await Promise.all(
      [7, 7, 8].map(async (seed) => (await createMemoryStore({ seed }).enqueueRollout({ input: 1 })).rollout_id),
    )
    expect(ids[0]).toBe(ids[1])
    expect(ids[0]).not.toBe(ids[2])
  })

  test('a known kind of resource is checked on write', async () => {
    const kind = defineResourceKind({ name: 'knob', schema: z.object({ turn: z.number() }) })
    const store = createMemoryStore({ resourceKinds: [kind] })
    await store.addResources({ resources: { knob: kind.create({ turn: 1 }) } })
    const wrong = { knob: { resource_type: 'custom:knob', turn: 'left' } } as const
    await expect(store.addResources({ resources: wrong })).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  test('has one timer while something can expire, and none after close', async () => {
    const clock = createManualClock()
    const store = createMemoryStore({ clock })
    await store.enqueueManyRollouts({ rollouts: Array.from({ length: 100 }, (_, input) => ({ input })) })
    expect(clock.pendingTimers()).toBe(0)
    const leaseMs = 10_000
    await store.dequeueManyRollouts({ limit: 100, leaseMs })
    expect(clock.pendingTimers()).toBe(1)
    await store.close()
    expect(clock.pendingTimers()).toBe(0)
  })

  test('leaves no timers or abort listeners behind', async () => {
    const clock = createManualClock()
    const store = createMemoryStore({ clock })
    const { signal } = new AbortController()
    const served = store.dequeueRollout({ waitMs: 1000, signal })
    const expired = store.dequeueRollout({ waitMs: 500, signal })
    const rollout = await store.enqueueRollout({ input: 1 })
    const awaited = store.waitForRollouts({ rolloutIds: [rollout.rollout_id], timeoutMs: 5000, signal })
    expect(await served).not.toBeNull()
    await store.updateRollout({ rolloutId: rollout.rollout_id, status: 'failed' })
    expect(await awaited).toHaveLength(1)
    clock.advance(501)
    expect(await expired).toBeNull()
    expect(clock.pendingTimers()).toBe(0)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})
