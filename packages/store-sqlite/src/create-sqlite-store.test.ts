import { getEventListeners } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import {
  describeStoreContract,
  describeStoreModel,
  type StoreContractOptions,
  type StoreUnderTest,
} from '@agl/store-kit/conformance'
import { createManualClock, spanOf } from '@agl/store-kit/testing'
import { defineResourceKind } from '@agl/types'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { createSqliteStore, type SqliteStore } from './create-sqlite-store.ts'
import type { SqliteStoreOptions } from './options.ts'
import { createTestFile } from './test-file.test-support.ts'

const contract: StoreContractOptions = {
  name: 'SqliteStore',
  create(options = {}): StoreUnderTest {
    const clock = createManualClock()
    const { file, remove } = createTestFile()
    let seed = 0
    const open = (): SqliteStore => createSqliteStore({ file, clock, seed: ++seed, durability: 'normal', ...options })
    const store = open()
    return {
      store,
      second: open,
      async advance(milliseconds) {
        clock.advance(milliseconds)
        // What fell due has done its work when a call made after it is answered.
        await store.statistics()
      },
      async close() {
        await store.close()
        remove()
      },
    }
  },
}

describeStoreContract(contract)
describeStoreModel({ ...contract, runs: 60 })

function openStore(options: Partial<SqliteStoreOptions> = {}): { readonly file: string; readonly store: SqliteStore } {
  const { file, remove } = createTestFile()
  const store = createSqliteStore({ file, durability: 'normal', ...options })
  onTestFinished(async () => {
    await store.close()
    remove()
  })
  return { file, store }
}

describe('sqlite store', () => {
  test('names itself and what it can do', () => {
    const { store } = openStore()
    expect(store.name).toBe('SqliteStore')
    expect(store.capabilities).toMatchObject({ durability: 'durable', sharing: 'machine' })
  })

  test('an unknown option is an error', () => {
    const options = { file: 'x', durabilty: 'full' }
    expect(() => createSqliteStore(options)).toThrow('Invalid options of createSqliteStore')
    expect(() => createSqliteStore({ file: '' })).toThrow('file')
    expect(() => createSqliteStore({ file: 'x', seed: 1, random: (bytes) => new Uint8Array(bytes) })).toThrow(
      'either random or seed',
    )
  })

  test('touches no file before the first call', async () => {
    const { file, store } = openStore()
    expect(existsSync(file)).toBe(false)
    await store.statistics()
    expect(existsSync(file)).toBe(true)
  })

  test('after close everything is in the one file and nothing beside it', async () => {
    const { file, store } = openStore()
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: { a: [1, null, 'ä'] } })
    await store.close()
    expect(readdirSync(dirname(file))).toEqual(['store.db'])
    const again = createSqliteStore({ file })
    expect(await again.getRolloutById({ rolloutId })).toMatchObject({ input: { a: [1, null, 'ä'] }, status: 'queuing' })
    await again.close()
  })

  test('works in memory', async () => {
    const store = createSqliteStore({ file: ':memory:' })
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    expect(await store.dequeueRollout()).toMatchObject({ rollout_id: rolloutId })
    const other = createSqliteStore({ file: ':memory:' })
    await other.importSnapshot({ lines: store.exportSnapshot() })
    expect(await other.getRolloutById({ rolloutId })).toEqual(await store.getRolloutById({ rolloutId }))
    await Promise.all([store.close(), other.close()])
  })

  test('a lease that a dead handle left behind ends in the handle that is alive', async () => {
    const clock = createManualClock()
    const { file, store } = openStore({ clock })
    await store.open()
    const other = createSqliteStore({ file, clock })
    await other.enqueueRollout({ input: 1 })
    await other.dequeueRollout({ leaseMs: 1000 })
    await other.close()
    const waiting = store.dequeueRollout({ waitMs: 60_000 })
    await vi.waitFor(() => expect(clock.pendingTimers()).toBe(2), { interval: 5 })
    clock.advance(1100)
    expect(await waiting).toMatchObject({ attempt: { sequence_id: 2 } })
  })

  test('calls of one turn share a commit, and one that is refused does not touch the others', async () => {
    const { file, store } = openStore()
    await store.open()
    const claimed = await store.startRollout({ rollout: { input: 1 } })
    const observer = new DatabaseSync(file)
    onTestFinished(() => observer.close())
    const version = (): unknown => observer.prepare('PRAGMA data_version').get()?.['data_version']
    const before = version()
    const calls = await Promise.allSettled([
      store.addSpan(spanOf(claimed)),
      store.addSpan({ ...spanOf(claimed), rollout_id: 'unknown' }),
      store.addSpan(spanOf(claimed)),
    ])
    expect(calls.map((call) => call.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(version()).toBe(Number(before) + 1)
    expect((await store.statistics()).total_spans).toBe(2)
  })

  test('rests while work waits that nobody who waits may have', async () => {
    const { store } = openStore({ pollMs: 5 })
    const worker = { workerId: 'w', capacity: 1 }
    await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
    const first = await store.dequeueRollout(worker)
    const waiting = store.dequeueRollout({ ...worker, waitMs: 10_000 })
    await store.statistics()
    const run = vi.spyOn(StatementSync.prototype, 'run')
    await new Promise((resolve) => setTimeout(resolve, 60))
    const statements = run.mock.calls.length
    run.mockRestore()
    expect(statements).toBeLessThan(20)
    await store.updateAttempt({ rolloutId: first?.rollout_id ?? '', attemptId: 'latest', status: 'succeeded' })
    expect(await waiting).toMatchObject({ input: 2 })
  })

  test('a known kind of resource is checked on write', async () => {
    const kind = defineResourceKind({ name: 'knob', schema: z.object({ turn: z.number() }) })
    const { store } = openStore({ resourceKinds: [kind] })
    await store.addResources({ resources: { knob: kind.create({ turn: 1 }) } })
    const wrong = { knob: { resource_type: 'custom:knob', turn: 'left' } } as const
    await expect(store.addResources({ resources: wrong })).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  test('leaves no timers or abort listeners behind', async () => {
    const clock = createManualClock()
    const { store } = openStore({ clock })
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
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
    expect(timers()).toBeLessThanOrEqual(before)
  })
})
