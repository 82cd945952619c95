import { createManualClock, spanOf } from '@agl/store-kit/testing'
import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore } from '@agl/types'
import { expect, onTestFinished, test } from 'vitest'
import { createSqliteStore, type SqliteStore } from './create-sqlite-store.ts'
import { createTestFile } from './test-file.test-support.ts'

const clock = createManualClock()

function openStore(): SqliteStore {
  const { file, remove } = createTestFile()
  const store = createSqliteStore({ file, clock, durability: 'normal' })
  onTestFinished(async () => {
    await store.close()
    remove()
  })
  return store
}

/** Something of everything that a store can hold. */
async function fill(store: LightningStore): Promise<void> {
  const { resources_id: resourcesId } = await store.addResources({
    resources: { prompt: { resource_type: 'prompt_template', template: 'x'.repeat(40_000), engine: 'jinja' } },
  })
  await store.updateResources({ resourcesId, resources: {} })
  await store.updateResources({ resourcesId, resources: {}, idempotencyKey: 'again' })
  await store.setResourcesAlias({ alias: 'stable', resourcesId, version: 1 })
  await store.deleteResources({ resourcesId, version: 2 })
  await store.enqueueRollout({ input: { deep: [1, { x: null }] }, labels: { run: 'a' }, priority: 2, idempotency_key: 'first' })
  await store.enqueueManyRollouts({ rollouts: Array.from({ length: 5 }, (_, input) => ({ input, priority: input % 2 })) })
  const claimed = await store.dequeueRollout({ workerId: 'w', leaseMs: 60_000, capacity: 3 })
  if (claimed === null) throw new Error('expected work')
  await store.addSpan(spanOf(claimed, { attributes: { odd: [Number.NaN, -Infinity, -0], mark: '\u0001agl:' } }))
  await store.addManySpans({ spans: [spanOf(claimed, { sequence_id: 40 }), spanOf(claimed)] })
  const done = await store.dequeueRollout({ workerId: 'w' })
  if (done === null) throw new Error('expected work')
  await store.updateAttempt({ rolloutId: done.rollout_id, attemptId: 'latest', status: 'succeeded', metadata: { note: 1 } })
  await store.releaseAttempt({ rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id })
  await store.startAttempt({ rolloutId: claimed.rollout_id, workerId: 'w2' })
}

/** All lines but the header, which names the store, with the places in the queue as an order. */
async function linesOf(store: LightningStore): Promise<readonly unknown[]> {
  const lines: { queue?: number | null }[] = []
  for await (const line of store.exportSnapshot()) lines.push(JSON.parse(line) as object)
  return lines.slice(1).map((line) => ({ ...line, queue: line.queue == null ? null : 'queued' }))
}

test('a snapshot of the memory store, through a file and back, is the same store', async () => {
  const memory = createMemoryStore({ clock, seed: 1 })
  await fill(memory)
  const sqlite = openStore()
  await sqlite.importSnapshot({ lines: memory.exportSnapshot() })
  expect(await linesOf(sqlite)).toEqual(await linesOf(memory))
  const back = createMemoryStore({ clock })
  await back.importSnapshot({ lines: sqlite.exportSnapshot() })
  expect(await linesOf(back)).toEqual(await linesOf(memory))

  const { uptime: _, name: __, total_span_bytes: ___, total_resources_bytes: ____, ...counts } = await memory.statistics()
  expect(await sqlite.statistics()).toMatchObject(counts)
  expect(await sqlite.getLatestResources()).toEqual(await memory.getLatestResources())
  expect(await sqlite.queryWorkers()).toEqual(await memory.queryWorkers())
  const claims = async (store: LightningStore): Promise<readonly unknown[]> =>
    (await store.dequeueManyRollouts({ limit: 10 })).map(({ rollout_id: id, input }) => ({ id, input }))
  expect(await claims(sqlite)).toEqual(await claims(back))
  await Promise.all([memory.close(), back.close()])
})

test('what is written while a snapshot is read is not in it', async () => {
  const store = openStore()
  await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
  const lines: string[] = []
  for await (const line of store.exportSnapshot()) {
    lines.push(line)
    await store.enqueueRollout({ input: 'later' })
  }
  expect(lines).toHaveLength(4)
  expect(lines.at(-1)).toBe('{"kind":"end","records":2}')
})

test('an import that breaks off leaves the store empty', async () => {
  const source = openStore()
  await source.enqueueManyRollouts({ rollouts: Array.from({ length: 20 }, (_, input) => ({ input })) })
  const lines: string[] = []
  for await (const line of source.exportSnapshot()) lines.push(line)
  const target = openStore()
  await expect(target.importSnapshot({ lines: lines.slice(0, -1) })).rejects.toMatchObject({ code: 'invalid_argument' })
  const broken = [...lines.slice(0, 10), '{"kind":"span","span":{}}', ...lines.slice(11)]
  await expect(target.importSnapshot({ lines: broken })).rejects.toThrow('line 11')
  expect(await target.statistics()).toMatchObject({ total_rollouts: 0 })
  await target.importSnapshot({ lines })
  expect(await target.statistics()).toMatchObject({ total_rollouts: 20 })
})
