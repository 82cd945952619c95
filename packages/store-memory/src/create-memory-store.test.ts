import { getEventListeners } from 'node:events'
import { describeStoreContract } from '@agl/store-kit/conformance'
import { createManualClock } from '@agl/store-kit/testing'
import { defineResourceKind, type NamedResources } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStore } from './create-memory-store.ts'

describeStoreContract({
  name: 'MemoryStore',
  create(options = {}) {
    const clock = createManualClock()
    const store = createMemoryStore({ clock, seed: 1, ...options })
    return { store, advance: clock.advance, close: () => store.close() }
  },
})

// Every span of a settled attempt is packed by the next write.
describeStoreContract({
  name: 'MemoryStore that packs all spans',
  create(options = {}) {
    const clock = createManualClock()
    const store = createMemoryStore({ clock, seed: 1, unpackedBytes: 0, ...options })
    return { store, advance: clock.advance, close: () => store.close() }
  },
})

describe('memory store', () => {
  test('names itself and what it can do', () => {
    const store = createMemoryStore()
    expect(store.name).toBe('MemoryStore')
    expect(store.capabilities).toEqual({
      durability: 'none',
      sharing: 'process',
      features: ['leases', 'scheduling', 'watch', 'deletes', 'retention', 'aliases', 'snapshots', 'losslessJson'],
    })
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

  test('many limits that pass at once are dealt with in short passes, without any call', async () => {
    const clock = createManualClock()
    const store = createMemoryStore({ clock })
    await store.enqueueManyRollouts({ rollouts: Array.from({ length: 1000 }, (_, input) => ({ input })) })
    await store.dequeueManyRollouts({ limit: 1000, leaseMs: 10_000 })
    clock.advance(10_100)
    expect((await store.queryRollouts({ statusIn: ['requeuing'], limit: 1 })).total).toBe(1000)
    expect(clock.pendingTimers()).toBe(0)
  })

  test('finished rollouts that are too old go without any call', async () => {
    const clock = createManualClock()
    const store = createMemoryStore({ clock, retention: { maxAgeSeconds: 60 } })
    const rollouts = Array.from({ length: 500 }, (_, input) => ({ input, rollout_id: `ro-${input}` }))
    await store.enqueueManyRollouts({ rollouts })
    const iterator = store.watch()[Symbol.asyncIterator]()
    await store.cancelRollouts({ rolloutIds: rollouts.map((rollout) => rollout.rollout_id) })
    clock.advance(61_000)
    const types: string[] = []
    while (types.length < 1000) types.push((await iterator.next()).value.type)
    expect(types.filter((type) => type === 'rollout_deleted')).toHaveLength(500)
    expect((await store.statistics()).total_rollouts).toBe(0)
    expect(clock.pendingTimers()).toBe(0)
  })

  test('large snapshots of resources come back as they were, from the history too', async () => {
    const store = createMemoryStore()
    const large = (text: string): NamedResources => ({
      prompt: { resource_type: 'prompt_template', template: text.repeat(50_000), engine: 'jinja' },
    })
    const first = await store.addResources({ resources: large('ab ') })
    const resourcesId = first.resources_id
    const second = await store.updateResources({ resourcesId, resources: large('cd ') })
    expect(await store.getResourcesById({ resourcesId, version: 1 })).toEqual(first)
    expect(await store.getResourcesById({ resourcesId })).toEqual(second)
    expect((await store.queryResourcesVersions({ resourcesId })).items).toEqual([first, second])
    await store.deleteResources({ resourcesId, version: 2 })
    expect(await store.getLatestResources()).toEqual(first)
  })

  test('a malformed OpenTelemetry span is refused by what it should be', async () => {
    const store = createMemoryStore()
    const { rollout_id: rolloutId, attempt } = await store.startRollout({ rollout: { input: 1 } })
    const key = { rolloutId, attemptId: attempt.attempt_id }
    const refused = store.addOtelSpan({ ...key, span: {} as never })
    await expect(refused).rejects.toThrow('Expected a finished OpenTelemetry span')
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

test('the key of a claim is forgotten with the last rollout that it answered, not before', async () => {
  const store = createMemoryStore()
  await store.enqueueManyRollouts({ rollouts: [1, 2, 3, 4].map((input) => ({ input, rollout_id: `r${input}` })) })
  const claim = { limit: 2, idempotencyKey: 'k' }
  const first = await store.dequeueManyRollouts(claim)
  const end = async (rolloutId: string): Promise<void> => {
    await store.updateRollout({ rolloutId, status: 'succeeded' })
    await store.deleteRollouts({ rolloutIds: [rolloutId] })
  }
  await end('r1')
  expect(await store.dequeueManyRollouts(claim)).toEqual(first)
  await end('r2')
  // An answer that was kept on would hold whatever those rollouts were given.
  expect(await store.dequeueManyRollouts(claim)).toMatchObject([{ rollout_id: 'r3' }, { rollout_id: 'r4' }])
})
