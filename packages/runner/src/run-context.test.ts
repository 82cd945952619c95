import { setTimeout as sleep } from 'node:timers/promises'
import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore, Logger } from '@agl/types'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { rollout } from './agent.ts'
import { runContext } from './run-context.ts'

let store: LightningStore
beforeEach(() => {
  store = createMemoryStore()
})
afterEach(() => store.close())

const agent = rollout<number>(async (milliseconds, { signal }) => {
  await sleep(milliseconds, undefined, { signal })
  return 1
})
const quick = { agent, abortGraceMs: 50, shutdownGraceMs: 0, workerId: 'w' }

async function untilRunning(count: number): Promise<void> {
  await vi.waitFor(async () => expect((await store.queryRollouts({ statusIn: ['preparing', 'running'] })).total).toBe(count))
}

test('a step inside of it answers the rollout, by the worker that was named', async () => {
  await using context = runContext({ ...quick, store })
  const ended = await context.step({ input: 0 })
  expect(ended.status).toBe('succeeded')
  expect(await store.getWorkerById({ workerId: 'w' })).not.toBeNull()
})

test('leaving it ends what it began: a run hands back, a step is cancelled; what the block threw is what counts', async () => {
  const failure = new Error('the block')
  const ends: Promise<unknown>[] = []
  async function block(): Promise<void> {
    await using context = runContext({ ...quick, store })
    ends.push(
      context.run().catch((error: unknown) => error),
      context.step({ input: 60_000 }).catch((error: unknown) => error),
    )
    await store.enqueueRollout({ input: 60_000 })
    await untilRunning(2)
    throw failure
  }
  await expect(block()).rejects.toBe(failure)
  expect(await ends[0]).toEqual({ attempts: 1 })
  expect(await ends[1]).toMatchObject({ code: 'closed' })
  const { items } = await store.queryRollouts()
  expect(items.map(({ status }) => status).sort()).toEqual(['cancelled', 'requeuing'])
})

test('what fails while it is closed goes to the logger; afterwards nothing begins', async () => {
  const warned: unknown[] = []
  const logger: Logger = { debug() {}, info() {}, error() {}, warn: (...line) => void warned.push(line) }
  const held = Promise.withResolvers<never>()
  const broken: LightningStore = { ...store, getRolloutById: () => held.promise }
  const context = runContext({ ...quick, store: broken, logger })
  const step = context.step({ input: 0 }).catch((error: unknown) => error)
  await vi.waitFor(async () => expect((await store.queryRollouts({ statusIn: ['succeeded'] })).total).toBe(1))
  const closed = context.close()
  held.reject(new Error('the store is away'))
  await closed
  await context.close()
  expect(warned).toEqual([[expect.any(String), { component: 'runner', error: 'the store is away' }]])
  expect(await step).toMatchObject({ message: 'the store is away' })
  await expect(context.step({ input: 0 })).rejects.toMatchObject({ code: 'closed' })
  await expect(context.run()).rejects.toMatchObject({ code: 'closed' })
})
