import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { spanOf } from '@agl/store-kit/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createSqliteStore, type SqliteStore } from './create-sqlite-store.ts'
import { createCommitQueue } from './database/commit-queue.ts'
import { openDatabase } from './database/database.ts'
import { applicationId } from './database/migrate.ts'
import { migrations } from './migrations/index.ts'
import type { SqliteStoreOptions } from './options.ts'
import { createTestFile } from './test-file.test-support.ts'

function testFile(): string {
  const { file, remove } = createTestFile()
  onTestFinished(remove)
  return file
}

function open(file: string, options: Partial<SqliteStoreOptions> = {}): SqliteStore {
  const store = createSqliteStore({ file, durability: 'normal', ...options })
  onTestFinished(() => store.close())
  return store
}

/** Another program that holds the write lock until it is called. */
function lock(file: string): () => void {
  const holder = new DatabaseSync(file)
  holder.exec('BEGIN IMMEDIATE')
  onTestFinished(() => holder.close())
  return () => holder.exec('COMMIT')
}

describe('a locked database', () => {
  test('makes writes wait without blocking, and lets reads through', async () => {
    const file = testFile()
    const store = open(file)
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    const unlock = lock(file)
    const writing = store.updateRollout({ rolloutId, status: 'running' })
    let longest = 0
    let last = performance.now()
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 1)
    await vi.waitFor(async () => expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status: 'queuing' }))
    await new Promise((resolve) => setTimeout(resolve, 150))
    clearInterval(beat)
    unlock()
    expect(await writing).toMatchObject({ status: 'running' })
    expect(longest).toBeLessThan(1000)
  })

  test('refuses a write after its time, and does it when it is sent again', async () => {
    const file = testFile()
    const store = open(file, { busyTimeoutMs: 60 })
    await store.open()
    const unlock = lock(file)
    await expect(store.enqueueRollout({ input: 1 })).rejects.toMatchObject({ code: 'timeout', isRetryable: true })
    await expect(store.enqueueRollout({ input: 1 })).rejects.toThrow(file)
    unlock()
    await store.enqueueRollout({ input: 2 })
    expect((await store.queryRollouts()).items).toMatchObject([{ input: 2 }])
  })

  test('leaves parked calls parked', async () => {
    const file = testFile()
    const store = open(file)
    const waiting = store.dequeueRollout({ waitMs: 10_000 })
    await store.statistics()
    const unlock = lock(file)
    const enqueued = store.enqueueRollout({ input: 1 })
    await new Promise((resolve) => setTimeout(resolve, 50))
    unlock()
    expect((await waiting)?.rollout_id).toBe((await enqueued).rollout_id)
  })
})

describe('a full disk', () => {
  test('refuses what does not fit and keeps what does', async () => {
    const file = testFile()
    const database = openDatabase(file, { timeoutMs: 0 })
    onTestFinished(() => database.close())
    database.execute('CREATE TABLE notes (text TEXT); PRAGMA max_page_count = 8')
    const queue = createCommitQueue({
      database,
      file,
      busyTimeoutMs: 1000,
      startBatch: () => ({
        context: database,
        begin() {},
        end() {},
        afterBegin() {},
        beforeCommit() {},
        afterCommit() {},
        afterRollback() {},
      }),
    })
    const write = (text: string): Promise<void> =>
      new Promise((resolve, reject) => {
        queue.add({
          run: (context) => void context.run('INSERT INTO notes (text) VALUES (?)', text),
          onCommit: resolve,
          onFailure: reject,
        })
      })
    // All in one transaction at first: only the one that cannot fit is refused.
    const results = await Promise.allSettled([write('a'), write('b'.repeat(1_000_000)), write('c')])
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: { code: 'storage_full', isRetryable: true } })
    expect(database.all('SELECT text FROM notes')).toEqual([{ text: 'a' }, { text: 'c' }])
  })

  test('work that was claimed by a transaction that failed is claimed again', async () => {
    const file = testFile()
    const store = open(file)
    const waiting = store.dequeueRollout({ workerId: 'w', waitMs: 10_000 })
    await store.statistics()
    // The totals are the last that a transaction writes, when the waiting call has already been given its work.
    const breaker = new DatabaseSync(file)
    breaker.exec(`CREATE TRIGGER break BEFORE INSERT ON totals BEGIN SELECT raise(ROLLBACK, 'broken'); END`)
    const refused = store.enqueueRollout({ input: 'lost' })
    await expect(refused).rejects.toMatchObject({ code: 'internal' })
    breaker.exec('DROP TRIGGER break')
    breaker.close()
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 'kept' })
    expect(await waiting).toMatchObject({ rollout_id: rolloutId, input: 'kept' })
    expect((await store.statistics()).total_rollouts).toBe(1)
  })
})

describe('a file that is no store', () => {
  test('that is no database is refused by name', async () => {
    const file = testFile()
    writeFileSync(file, 'Dear diary, '.repeat(1000))
    const store = open(file)
    await expect(store.open()).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining(file) })
    await expect(store.enqueueRollout({ input: 1 })).rejects.toThrow('to be a SQLite database')
    expect(readFileSync(file, 'utf8')).toBe('Dear diary, '.repeat(1000))
  })

  test('that is the database of another program is refused and left as it is', async () => {
    const file = testFile()
    const other = new DatabaseSync(file)
    other.exec('CREATE TABLE customers (name TEXT); PRAGMA user_version = 7')
    const store = open(file)
    await expect(store.open()).rejects.toThrow("found another program's SQLite database")
    expect(other.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' })
    expect(other.prepare('SELECT count(*) AS count FROM sqlite_schema').get()).toEqual({ count: 1 })
    other.close()
  })

  test('that cannot be opened is refused, and opened when it can be', async () => {
    const folder = `${testFile()}-folder`
    const store = open(`${folder}/store.db`)
    await expect(store.open()).rejects.toMatchObject({ code: 'invalid_argument' })
    mkdirSync(folder)
    await store.open()
    expect(await store.statistics()).toMatchObject({ total_rollouts: 0 })
  })

  test('a damaged file is told as damaged', async () => {
    const file = testFile()
    const store = open(file)
    const claimed = await store.startRollout({ rollout: { input: 'x'.repeat(50_000) } })
    await store.addManySpans({ spans: Array.from({ length: 100 }, () => spanOf(claimed)) })
    await store.close()
    const bytes = readFileSync(file)
    bytes.fill(0xff, 4096)
    writeFileSync(file, bytes)
    const damaged = open(file)
    const reading = damaged.queryRollouts()
    await expect(reading).rejects.toMatchObject({ code: 'database_corrupt', message: expect.stringContaining(file) })
  })

  test('of a newer schema is refused', async () => {
    const file = testFile()
    const newer = new DatabaseSync(file)
    newer.exec(`CREATE TABLE future (x); PRAGMA application_id = ${applicationId}; PRAGMA user_version = 99`)
    newer.close()
    const text = `schema version 99, this @agl/store-sqlite knows versions up to ${migrations.length}`
    await expect(open(file).open()).rejects.toThrow(text)
  })
})
