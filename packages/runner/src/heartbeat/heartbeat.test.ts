import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { createMemoryStore } from '@agl/store-memory'
import { createSqliteStore } from '@agl/store-sqlite'
import type { LightningStore, Logger } from '@agl/types'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { rollout } from '../agent.ts'
import { createRunner } from '../runner.ts'

let folder: string
let store: LightningStore
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agl-heartbeat-'))
  store = createSqliteStore({ file: join(folder, 'store.db'), durability: 'normal' })
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})

const leaseMs = 1000

/** Keeps the whole thread busy, as parsing or a tokenizer would. */
function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

/** The thread has started: what it reports of its workers is in the store. */
async function untilBeating(...workerIds: readonly string[]): Promise<void> {
  await vi.waitFor(
    async () => {
      for (const workerId of workerIds) {
        expect(await store.getWorkerById({ workerId })).toMatchObject({ heartbeat_stats: { beats_from: 'thread' } })
      }
    },
    { timeout: 15_000 },
  )
}

async function runOnce(work: () => unknown, more: object = {}): Promise<void> {
  const agent = rollout(async () => {
    await untilBeating('w')
    await work()
    return 1
  })
  await createRunner({ store, agent, workerId: 'w', leaseMs, maxRollouts: 1, waitMs: 5000, ...more }).run()
}

describe('an agent that keeps the loop busy for longer than its lease', () => {
  const leaseLeft = async (rolloutId: string): Promise<number> => {
    const attempt = await store.getLatestAttempt({ rolloutId })
    return (attempt!.lease_expires! - Date.now() / 1000) * 1000
  }

  it.each([
    ['', 'short'],
    [', with ids too long for the memory that is shared with the thread', 'ü'.repeat(150)],
  ])('keeps its lease where the store can be opened a second time%s', async (_, rolloutId) => {
    await store.enqueueRollout({ input: 1, rollout_id: rolloutId })
    let left = 0
    await runOnce(async () => {
      block(2.5 * leaseMs)
      left = await leaseLeft(rolloutId)
    })
    expect(left).toBeGreaterThan(0)
    expect(await store.queryAttempts({ rolloutId })).toMatchObject({ items: [{ status: 'succeeded', outcome: 'scored' }] })
  })

  it('loses it once the loop has stalled for longer than it may', async () => {
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    let left = 0
    await runOnce(
      async () => {
        block(1000 + 2 * leaseMs)
        left = await leaseLeft(rolloutId)
      },
      { maxStallMs: 1000 },
    )
    expect(left).toBeLessThan(0)
  })
})

describe('the thread', () => {
  it('tells a running attempt that it was cancelled, and reports the machine', async () => {
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    const agent = rollout(async (_, { signal }) => {
      await store.cancelRollouts({ rolloutIds: [rolloutId] })
      await sleep(10_000, undefined, { signal })
    })
    await createRunner({ store, agent, workerId: 'w', leaseMs, maxRollouts: 1 }).run()
    const attempt = await store.getLatestAttempt({ rolloutId })
    expect(attempt).toMatchObject({ outcome: 'cancelled' })
    const worker = await store.getWorkerById({ workerId: 'w' })
    expect(worker!.heartbeat_stats).toMatchObject({ capacity: 1, host: expect.any(String), mem_total_gb: expect.any(Number) })
  })

  it('that dies is replaced by the loop', async () => {
    const posted = vi.spyOn(Worker.prototype, 'postMessage')
    await store.enqueueRollout({ input: 1 })
    await runOnce(async () => {
      await (posted.mock.contexts.at(-1) as Worker).terminate()
      await vi.waitFor(
        async () =>
          expect(await store.getWorkerById({ workerId: 'w' })).toMatchObject({
            heartbeat_stats: { beats_from: 'loop', running: 1 },
          }),
        { timeout: 10_000 },
      )
    })
  })

  it('is not used where the store lives in this process, or cannot be opened there; then the loop beats', async () => {
    const warned: string[] = []
    const logger: Logger = { debug() {}, info() {}, error() {}, warn: (message) => void warned.push(message) }
    const memory = createMemoryStore()
    const broken = { ...memory, spec: { module: 'file:///nowhere.js', factory: 'none', options: {} } }
    for (const [workerId, each, warnings] of [
      ['here', memory, 0],
      ['broken', broken, 1],
    ] as const) {
      const agent = rollout(async () => {
        await vi.waitFor(async () => {
          const worker = await each.getWorkerById({ workerId })
          expect(worker?.heartbeat_stats).toMatchObject({ running: 1 })
        })
      })
      await each.enqueueRollout({ input: 1 })
      await createRunner({ store: each, agent, workerId, leaseMs, maxRollouts: 1, logger }).run()
      expect(warned.filter((message) => message.includes('renewed on the loop'))).toHaveLength(warnings)
    }
    await memory.close()
  })
})

it('runners over one store share a thread, each with its own leases', async () => {
  const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
  const agent = rollout(async () => {
    await untilBeating('a', 'b', 'c')
    block(2.5 * leaseMs)
  })
  const runners = ['a', 'b', 'c'].map((workerId) => createRunner({ store, agent, workerId, leaseMs, waitMs: 5000 }))
  const done = new AbortController()
  const running = Promise.all(runners.map((runner) => runner.run({ signal: done.signal })))
  await store.waitForRollouts({ rolloutIds: [rolloutId], timeoutMs: 10_000 })
  done.abort()
  const summaries = await running
  expect(summaries.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(1)
  // A runner that starts after the last has left gets a thread of its own.
  await store.enqueueRollout({ input: 2 })
  const last = createRunner({ store, agent: rollout(() => untilBeating('d')), workerId: 'd', leaseMs, maxRollouts: 1 })
  expect(await last.run()).toEqual({ attempts: 1 })
})
