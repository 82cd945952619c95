import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { spanOf } from '@agl/store-kit/testing'
import type { LightningStore } from '@agl/types'
import { expect, onTestFinished, test } from 'vitest'
import { createSqliteStore } from './create-sqlite-store.ts'
import { createTestFile } from './test-file.test-support.ts'

/** Every statement that is prepared until the test is over. */
function recordStatements(): ReadonlySet<string> {
  const texts = new Set<string>()
  const prepare = DatabaseSync.prototype.prepare
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string): StatementSync {
    texts.add(sql)
    return prepare.call(this, sql)
  }
  onTestFinished(() => {
    DatabaseSync.prototype.prepare = prepare
  })
  return texts
}

/** Every verb whose cost must not depend on how much is stored. */
async function useHotVerbs(store: LightningStore): Promise<void> {
  await store.addResources({ resources: {} })
  const requests = [1, 2, 3].map((input) => ({ input, priority: input, idempotency_key: `key-${input}` }))
  const rolloutIds = (await store.enqueueManyRollouts({ rollouts: requests })).map((rollout) => rollout.rollout_id)
  const waiting = store.waitForRollouts({ rolloutIds: rolloutIds.slice(2) })
  const feed = store.watch()[Symbol.asyncIterator]()
  const event = feed.next()
  const claimed = await store.dequeueRollout({ workerId: 'w', leaseMs: 60_000, capacity: 2, idempotencyKey: 'claim' })
  if (claimed === null) throw new Error('expected work')
  const rolloutId = claimed.rollout_id
  const key = { rolloutId, attemptId: claimed.attempt.attempt_id }
  await store.addSpan(spanOf(claimed))
  await store.addManySpans({ spans: [spanOf(claimed), spanOf(claimed)] })
  await store.heartbeat({ workerId: 'w', attempts: [key] })
  await store.getNextSpanSequenceId(key)
  await store.updateAttempt({ ...key, status: 'succeeded' })
  await waiting
  await event
  await store.startRollout({ rollout: { input: 1 }, workerId: 'w' })
  const again = await store.startAttempt({ rolloutId })
  await store.releaseAttempt({ ...key, attemptId: again.attempt.attempt_id })
  await store.querySpans(key)
  await store.querySpans({ ...key, attemptId: 'latest', name: 'step' })
  await store.querySpans({ rolloutId, limit: 1 })
  await store.queryRollouts({ statusIn: ['queuing', 'requeuing'], limit: 10 })
  await store.queryRollouts({ rolloutIdIn: rolloutIds })
  await store.getRolloutById({ rolloutId })
  await store.queryAttempts({ rolloutId })
  await store.getLatestAttempt({ rolloutId })
  await store.updateRollout({ rolloutId, status: 'succeeded', config: claimed.config })
  await store.cancelRollouts({ rolloutIds })
  await store.deleteRollouts({ rolloutIds })
  await store.statistics()
  await feed.return?.()
}

/** These walk an index in its order and stop at the first row. */
const readsFewRows = [/ORDER BY priority DESC, queue_place LIMIT 1$/, /ORDER BY update_time DESC, ordinal DESC LIMIT 1$/]

/** Tables of a row or a few. */
const smallTables = /FROM (sqlite_schema|feed)\b/

test('no statement of a hot verb looks at a whole table, or sorts what it did not filter', async () => {
  const { file, remove } = createTestFile()
  onTestFinished(remove)
  const texts = recordStatements()
  const retention = { maxAgeSeconds: 1000, maxRollouts: 1000, maxBytes: 1e9 }
  const store = createSqliteStore({ file, durability: 'normal', retention })
  await useHotVerbs(store)
  await store.close()

  const statements = [...texts].filter((sql) => /^\s*(SELECT|INSERT|UPDATE|DELETE)/.test(sql) && !smallTables.test(sql))
  expect(statements.length).toBeGreaterThan(50)
  const database = new DatabaseSync(file)
  onTestFinished(() => database.close())
  const scans = statements.flatMap((sql) => {
    const values = Array.from({ length: sql.split('?').length - 1 }, () => 1)
    const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values)
    const mayWalk = readsFewRows.some((pattern) => pattern.test(sql.trim()))
    const isScan = (step: string): boolean => step.startsWith('SCAN') && !(mayWalk && step.includes('USING INDEX'))
    return steps.some((step) => isScan(String(step['detail']))) ? [sql] : []
  })
  expect(scans).toEqual([])
})
