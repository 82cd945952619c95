import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore } from '@agl/types'
import { expect, onTestFinished, test } from 'vitest'
import { judge, type Verdict, watchStore } from './judge.ts'
import { rolloutIdOf } from './parts.ts'

/** Two rollouts that went well, with a span each, and then what is planted. */
async function verdictOf(plant: (store: LightningStore, logFile: string) => Promise<void>): Promise<Partial<Verdict>> {
  const folder = mkdtempSync(join(tmpdir(), 'agl-judge-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const logFile = join(folder, 'runner.log')
  const store = createMemoryStore()
  const watcher = watchStore(store)
  await new Promise((resolve) => setImmediate(resolve))
  for (const index of [0, 1]) {
    await store.enqueueRollout({ input: index, rollout_id: rolloutIdOf(index) })
    const { rollout_id: rolloutId, attempt } = (await store.dequeueRollout())!
    const attemptId = attempt.attempt_id
    const span = { name: 'step', trace_id: 'a'.repeat(32), span_id: `${index}`.repeat(16), parent_id: null }
    const times = { start_time: 1, end_time: 2, status: { status_code: 'OK', description: null }, attributes: {} } as const
    const rest = { events: [], links: [], context: null, parent: null, resource: { attributes: {}, schema_url: '' } }
    await store.addSpan({ rollout_id: rolloutId, attempt_id: attemptId, ...span, ...times, ...rest })
    appendFileSync(logFile, `${rolloutId} ${attemptId} ${span.span_id}\n`)
    await store.updateAttempt({ rolloutId, attemptId, status: 'succeeded' })
  }
  await plant(store, logFile)
  await new Promise((resolve) => setTimeout(resolve, 20))
  await watcher.stop()
  const { requeueSeconds: _, acknowledgedSpans: __, ...verdict } = await judge(store, { rollouts: 2, folder, watcher })
  await store.close()
  return verdict
}

const clean = { lost: 0, doubled: 0, leftOpen: 0, missingSpans: 0, doubledSpans: 0 }

test('finds nothing where nothing is wrong', async () => {
  expect(await verdictOf(async () => {})).toEqual(clean)
})

test('finds a rollout that did not end, and what was left open', async () => {
  const planted = verdictOf(async (store) => {
    await store.deleteRollouts({ rolloutIds: [rolloutIdOf(0)] })
    await store.startAttempt({ rolloutId: rolloutIdOf(1) })
    await store.updateRollout({ rolloutId: rolloutIdOf(1), status: 'succeeded' })
  })
  expect(await planted).toEqual({ ...clean, lost: 1, doubled: 1, leftOpen: 1, missingSpans: 0 })
})

test('finds a rollout that ended twice', async () => {
  const planted = verdictOf(async (store) => {
    const { attempt } = await store.startAttempt({ rolloutId: rolloutIdOf(0) })
    await store.updateAttempt({ rolloutId: rolloutIdOf(0), attemptId: attempt.attempt_id, status: 'succeeded' })
  })
  expect(await planted).toEqual({ ...clean, doubled: 1 })
})

test('finds a span that was acknowledged and is not there', async () => {
  const planted = verdictOf(async (store, logFile) => {
    const attempt = await store.getLatestAttempt({ rolloutId: rolloutIdOf(0) })
    appendFileSync(logFile, `${rolloutIdOf(0)} ${attempt!.attempt_id} ${'f'.repeat(16)}\n`)
  })
  expect(await planted).toEqual({ ...clean, missingSpans: 1 })
})
