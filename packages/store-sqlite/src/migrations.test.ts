import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { createSqliteStore } from './create-sqlite-store.ts'
import { openDatabase } from './database/database.ts'
import { applicationId, migrate } from './database/migrate.ts'
import { migrations } from './migrations/index.ts'
import { createTestFile } from './test-file.test-support.ts'

function testFile(): string {
  const { file, remove } = createTestFile()
  onTestFinished(remove)
  return file
}

function versionOf(file: string): unknown {
  const database = new DatabaseSync(file)
  const row = database.prepare('PRAGMA user_version').get()
  database.close()
  return row?.['user_version']
}

/** What version 1 wrote for a rollout in the queue. */
const versionOneRollout = {
  rollout_id: 'ro-old',
  input: null,
  start_time: 1_700_000_000.25,
  end_time: null,
  mode: 'train',
  resources_id: null,
  resources_version: null,
  status: 'queuing',
  config: { timeout_seconds: null, unresponsive_seconds: null, max_attempts: 1, retry_condition: [] },
  metadata: {},
  priority: 0,
  idempotency_key: null,
  labels: {},
}

test('a store of version 1 is brought up to date and keeps what it held', async () => {
  const file = testFile()
  const old = openDatabase(file, { timeoutMs: 0 })
  migrate(old, file, migrations.slice(0, 1))
  old.run(
    `INSERT INTO rollouts (rollout_id, status, priority, queue_place, record, notes, record_bytes) VALUES (?, 'queuing', 0, 1, ?, ?, 100)`,
    'ro-old',
    JSON.stringify(versionOneRollout),
    JSON.stringify({ uncountedAttempts: 0, lostClaims: 0 }),
  )
  old.run(`INSERT INTO inputs (rollout, input) VALUES (1, '"task"')`)
  old.run(`INSERT INTO totals (name, value) VALUES ('rollouts_queuing', 1)`)
  old.close()
  expect(versionOf(file)).toBe(1)
  const store = createSqliteStore({ file })
  expect(await store.queryRollouts()).toMatchObject({ total: 1, items: [{ ...versionOneRollout, input: 'task' }] })
  expect(await store.dequeueRollout()).toMatchObject({ rollout_id: 'ro-old', attempt: { sequence_id: 1 } })
  await store.close()
  expect(versionOf(file)).toBe(migrations.length)
})

test('a store of version 2 that was filled from a snapshot keeps its latest resources', async () => {
  const file = testFile()
  const old = openDatabase(file, { timeoutMs: 0 })
  migrate(old, file, migrations.slice(0, 2))
  old.run(`INSERT INTO resources (resources_id, last_version) VALUES ('a', 2), ('b', 1)`)
  // As an import of version 2 left them: by their ids, not by their times.
  old.run(`INSERT INTO resources_versions (resources_id, version, create_time, update_time, resources)
           VALUES ('a', 1, 1, 1, '{}'), ('a', 2, 1, 3, '{}'), ('b', 1, 2, 2, '{}')`)
  old.close()
  const store = createSqliteStore({ file })
  expect(await store.getLatestResources()).toMatchObject({ resources_id: 'a', version: 2 })
  await store.updateResources({ resourcesId: 'b', resources: {} })
  expect(await store.getLatestResources()).toMatchObject({ resources_id: 'b', version: 2 })
  await store.close()
})

test('a step that fails leaves the file at the version before it', () => {
  const file = testFile()
  const database = openDatabase(file, { timeoutMs: 0 })
  onTestFinished(() => database.close())
  const broken = ['CREATE TABLE a (x)', 'CREATE TABLE b (x); CREATE TABLE a (x)']
  expect(() => migrate(database, file, broken)).toThrow('already exists')
  expect(database.all('SELECT name FROM sqlite_schema')).toEqual([{ name: 'a' }])
  expect(versionOf(file)).toBe(1)
  migrate(database, file, ['CREATE TABLE a (x)', 'CREATE TABLE b (x)'])
  expect(versionOf(file)).toBe(2)
})

test('handles that open a new file at once make it once', async () => {
  const file = testFile()
  const stores = Array.from({ length: 5 }, () => createSqliteStore({ file }))
  await Promise.all(stores.map((store, input) => store.enqueueRollout({ input })))
  expect((await stores[0]!.queryRollouts()).total).toBe(5)
  await Promise.all(stores.map((store) => store.close()))
  const database = new DatabaseSync(file)
  expect(database.prepare('PRAGMA application_id').get()).toEqual({ application_id: applicationId })
  expect(database.prepare('SELECT count(*) AS count FROM feed').get()).toEqual({ count: 1 })
  database.close()
})
