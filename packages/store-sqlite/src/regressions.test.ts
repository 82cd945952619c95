import { DatabaseSync } from 'node:sqlite'
import { createManualClock, spanOf } from '@agl/store-kit/testing'
import type { StoreEvent } from '@agl/types'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSqliteStore, type SqliteStore } from './create-sqlite-store.ts'
import { type Database, openDatabase } from './database/database.ts'
import { applicationId, checkFile } from './database/migrate.ts'
import { migrations } from './migrations/index.ts'
import type { SqliteStoreOptions } from './options.ts'
import { createTestFile } from './test-file.test-support.ts'

function testFile(): string {
  const { file, remove } = createTestFile()
  onTestFinished(remove)
  return file
}

function open(options: Partial<SqliteStoreOptions> = {}): SqliteStore {
  const store = createSqliteStore({ file: options.file ?? testFile(), durability: 'normal', ...options })
  onTestFinished(() => store.close())
  return store
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

async function linesOf(store: SqliteStore): Promise<readonly string[]> {
  const lines: string[] = []
  for await (const line of store.exportSnapshot()) lines.push(line)
  return lines
}

/** The next event, or null when none comes soon. */
async function soon<Value>(promise: Promise<Value>): Promise<Value | null> {
  return Promise.race([promise, pause(300).then(() => null)])
}

describe('a sweep', () => {
  test('logs a row that it cannot read, and keeps no other call from the store', async () => {
    const clock = createManualClock()
    const file = testFile()
    const warnings: string[] = []
    const note = (message: string): void => void warnings.push(message)
    const store = open({ file, clock, logger: { debug: () => {}, info: () => {}, warn: note, error: note } })
    await store.startRollout({ rollout: { input: 1 }, leaseMs: 1000 })
    const second = await store.startRollout({ rollout: { input: 2 }, leaseMs: 1000 })
    const other = new DatabaseSync(file)
    other.exec('UPDATE rollouts SET span_sequence = 9007199254740993 WHERE ordinal = 1')
    other.close()
    clock.advance(5000)
    await store.enqueueRollout({ input: 3 })
    await store.enqueueRollout({ input: 4 })
    expect(await store.getLatestAttempt({ rolloutId: second.rollout_id })).toMatchObject({ status: 'unresponsive' })
    expect(warnings.filter((message) => message.includes('cannot be read'))).toHaveLength(1)
  })
})

test('a store that another process makes while it is looked at is not taken for that of another program', () => {
  const file = testFile()
  const other = openDatabase(file, { timeoutMs: 0 })
  const real = openDatabase(file, { timeoutMs: 0 })
  onTestFinished(() => {
    real.close()
    other.close()
  })
  other.get('PRAGMA journal_mode = WAL')
  let reads = 0
  const watched: Database = {
    ...real,
    get isInTransaction() {
      return real.isInTransaction
    },
    get<Row>(sql: string): Row | undefined {
      const row = real.get<Row>(sql)
      if (++reads === 1) {
        other.execute(`BEGIN; ${migrations[0]}; PRAGMA application_id = ${applicationId}; PRAGMA user_version = 1; COMMIT`)
      }
      return row
    },
  }
  expect(() => checkFile(watched, file, migrations.length)).not.toThrow()
  expect(reads).toBe(3)
})

describe('bytes', () => {
  const bytesOf = (file: string): { readonly booked: number; readonly stored: number } => {
    const database = new DatabaseSync(file)
    const { booked } = database
      .prepare(`SELECT sum(value) AS booked FROM totals WHERE name LIKE '%finished_bytes'`)
      .get() as never
    const { stored } = database
      .prepare(
        `SELECT (SELECT sum(length(CAST(record AS BLOB))) FROM rollouts) + (SELECT sum(length(CAST(input AS BLOB))) FROM inputs)
         + (SELECT coalesce(sum(length(CAST(record AS BLOB)) + length(notes)), 0) FROM attempts) AS stored`,
      )
      .get() as never
    const { perRollout } = database.prepare('SELECT sum(record_bytes) AS perRollout FROM rollouts').get() as never
    database.close()
    expect(perRollout).toBe(booked)
    return { booked, stored }
  }

  test('that updates add are counted and bounded', async () => {
    const file = testFile()
    const store = open({ file, retention: { maxBytes: 100_000 } })
    const [first, second] = await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
    await store.updateRollout({ rolloutId: first!.rollout_id, input: 'ä'.repeat(40_000) })
    const more = store.updateRollout({ rolloutId: second!.rollout_id, input: 'x'.repeat(40_000) })
    await expect(more).rejects.toMatchObject({ code: 'storage_full' })
    await store.updateRollout({ rolloutId: first!.rollout_id, input: 1, metadata: { a: 'b'.repeat(1000) } })
    await store.updateRollout({ rolloutId: second!.rollout_id, input: 'x'.repeat(40_000) })
    await store.startAttempt({ rolloutId: second!.rollout_id })
    const update = { rolloutId: second!.rollout_id, attemptId: 'latest' }
    await store.updateAttempt({ ...update, metadata: { y: 'y'.repeat(50_000) } })
    const tooMuch = store.updateAttempt({ ...update, metadata: { y: 'y'.repeat(80_000) } })
    await expect(tooMuch).rejects.toMatchObject({ code: 'storage_full' })
    await store.updateAttempt({ ...update, status: 'succeeded' })
    const { booked, stored } = bytesOf(file)
    expect(booked).toBe(stored)
  })

  test('are not asked for by what is stored already or unknown', async () => {
    const store = open({ retention: { maxBytes: 10_000 } })
    const claimed = await store.startRollout({ rollout: { input: 'x'.repeat(5000) } })
    const span = spanOf(claimed, { attributes: { text: 'x'.repeat(3000) } })
    await store.addSpan(span)
    await expect(store.addSpan({ ...span, span_id: 'other' })).rejects.toMatchObject({ code: 'storage_full' })
    expect(await store.addSpan(span)).toBeNull()
    expect(await store.addManySpans({ spans: [span, span] })).toEqual([])
    const unknown = store.updateRollout({ rolloutId: 'nobody', input: 'x'.repeat(20_000) })
    await expect(unknown).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('a dequeue with a key', () => {
  test('whose time is over leaves the answer that another handle gave', async () => {
    const file = testFile()
    const [a, b] = [open({ file }), open({ file })]
    await Promise.all([a.open(), b.open()])
    const key = { workerId: 'w', idempotencyKey: 'K' }
    const late = b.dequeueRollout({ ...key, waitMs: 150 })
    await pause(20)
    const waiting = a.dequeueRollout({ ...key, waitMs: 5000 })
    await pause(20)
    await a.enqueueRollout({ input: 1 })
    const served = await waiting
    expect(served).toMatchObject({ input: 1 })
    expect((await late)?.attempt.attempt_id).toBe(served?.attempt.attempt_id)
    expect((await a.dequeueRollout(key))?.attempt.attempt_id).toBe(served?.attempt.attempt_id)
  })
})

describe('events', () => {
  test('setting an alias to where it points adds none', async () => {
    const clock = createManualClock()
    const store = open({ clock })
    await store.updateResources({ resourcesId: 'r', resources: {} })
    const target = { alias: 'stable', resourcesId: 'r', version: 1 }
    const alias = await store.setResourcesAlias(target)
    clock.advance(3_600_000)
    const events = store.watch()[Symbol.asyncIterator]()
    expect(await store.setResourcesAlias(target)).toEqual(alias)
    await store.enqueueRollout({ input: 1 })
    expect(await events.next()).toMatchObject({ value: { type: 'rollout' } })
  })

  test('of an import are of the present, so that a watcher lives on', async () => {
    const clock = createManualClock()
    const source = open({ clock })
    await source.updateResources({ resourcesId: 'r', resources: {} })
    await source.enqueueRollout({ input: 1 })
    const lines = await linesOf(source)
    clock.advance(3_600_000)
    const store = open({ clock })
    await store.open()
    const events = store.watch()[Symbol.asyncIterator]()
    const waiting = events.next()
    await pause(20)
    await store.importSnapshot({ lines })
    expect(await waiting).toMatchObject({ value: { type: 'resources' } })
    expect(await events.next()).toMatchObject({ value: { type: 'rollout' } })
  })

  test('reads at the same time are answered one after the other', async () => {
    const store = open()
    await store.open()
    const events = store.watch()[Symbol.asyncIterator]()
    const parked = [events.next(), events.next()]
    await pause(20)
    const made = await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
    const idsOf = async (reads: readonly Promise<IteratorResult<StoreEvent>>[]): Promise<readonly unknown[]> =>
      (await Promise.all(reads)).map(({ value }) => value.rollout.rollout_id)
    expect(await soon(idsOf(parked))).toEqual(made.map((rollout) => rollout.rollout_id))
    const more = await store.enqueueManyRollouts({ rollouts: [{ input: 3 }, { input: 4 }] })
    expect(await soon(idsOf([events.next(), events.next()]))).toEqual(more.map((rollout) => rollout.rollout_id))
  })

  test('a watcher is ended by close, abort and return whatever it is doing', async () => {
    const hung: string[] = []
    for (const how of ['close', 'abort', 'return'] as const) {
      for (let turns = 0; turns < 12; turns++) {
        const store = open()
        await store.open()
        const controller = new AbortController()
        const events = store.watch({ signal: controller.signal })[Symbol.asyncIterator]()
        await pause(2)
        const read = events.next().catch(() => 'refused')
        for (let turn = 0; turn < turns; turn++) await Promise.resolve()
        if (how === 'close') await store.close()
        else if (how === 'abort') controller.abort(new Error('stop'))
        else await events.return?.()
        if ((await soon(read)) === null) hung.push(`${how} after ${turns}`)
      }
    }
    expect(hung).toEqual([])
  })

  test('text that begins like a mark of ours is told as it is', async () => {
    const store = open()
    const events = store.watch()[Symbol.asyncIterator]()
    await store.enqueueRollout({ input: 1, metadata: { text: '\u0001agl:abc' } })
    expect(await events.next()).toMatchObject({ value: { rollout: { metadata: { text: '\u0001agl:abc' } } } })
  })
})

describe('close', () => {
  test('does what was asked for before the file was open', async () => {
    const file = testFile()
    const store = open({ file })
    const made = store.enqueueRollout({ input: 1 })
    const closing = store.close()
    await expect(store.enqueueRollout({ input: 2 })).rejects.toMatchObject({ code: 'closed' })
    await closing
    const { rollout_id: rolloutId } = await made
    expect(await open({ file }).getRolloutById({ rolloutId })).toMatchObject({ input: 1 })
  })

  test('waits for a file that is locked, as long as a call does', async () => {
    const file = testFile()
    const store = open({ file })
    await store.open()
    const other = new DatabaseSync(file)
    other.exec('BEGIN IMMEDIATE')
    setTimeout(() => other.close(), 40)
    const made = store.enqueueRollout({ input: 1 })
    await store.close()
    expect(await made).toMatchObject({ input: 1 })
  })
})

test('the latest resources are those stored last, whatever the clocks say, and in a copy too', async () => {
  const file = testFile()
  const early = open({ file, clock: createManualClock(1_800_000_000) })
  const late = open({ file, clock: createManualClock(1_800_000_005) })
  await late.updateResources({ resourcesId: 'r', resources: {} })
  await early.updateResources({ resourcesId: 'q', resources: {} })
  expect(await early.getLatestResources()).toMatchObject({ resources_id: 'q' })
  expect(await late.enqueueRollout({ input: 1 })).toMatchObject({ resources_id: 'q' })
  const source = open()
  for (const resourcesId of ['a', 'b', 'a']) await source.updateResources({ resourcesId, resources: {} })
  const copy = open()
  await copy.importSnapshot({ lines: await linesOf(source) })
  expect(await copy.getLatestResources()).toMatchObject({ resources_id: 'a', version: 2 })
})

test('a worker whose place retention frees is given what it waits for', async () => {
  const clock = createManualClock()
  const store = open({ clock, retention: { maxRollouts: 1 } })
  const finished = await store.startRollout({ rollout: { input: 'finished by hand' }, workerId: 'w' })
  await store.updateWorker({ workerId: 'w' })
  await store.heartbeat({ workerId: 'w', capacity: 1 })
  await store.enqueueRollout({ input: 'next' })
  const parked = store.dequeueRollout({ workerId: 'w', waitMs: 60_000 })
  await store.updateRollout({ rolloutId: finished.rollout_id, status: 'succeeded' })
  expect(await soon(parked)).toBeNull()
  const other = await store.startRollout({ rollout: { input: 'the one too many' } })
  await store.updateRollout({ rolloutId: other.rollout_id, status: 'succeeded' })
  expect(await soon(parked)).toMatchObject({ input: 'next' })
})

describe('snapshots', () => {
  test('an import that has begun is in the file when the store was closed meanwhile', async () => {
    const source = open()
    await source.enqueueManyRollouts({ rollouts: Array.from({ length: 3000 }, (_, input) => ({ input })) })
    const lines = await linesOf(source)
    const file = testFile()
    const target = open({ file })
    await target.open()
    const imported = target.importSnapshot({ lines })
    // The lines are staged first; the file is held from then on.
    for (const other = new DatabaseSync(file); ; await pause(1)) {
      try {
        other.exec('BEGIN IMMEDIATE; ROLLBACK')
      } catch {
        other.close()
        break
      }
    }
    await Promise.all([target.close(), imported])
    expect(await open({ file }).statistics()).toMatchObject({ total_rollouts: 3000 })
  })

  test('what does not wait is not put into the queue', async () => {
    const source = open()
    const { rollout_id: rolloutId } = await source.startRollout({ rollout: { input: 1 } })
    await source.updateAttempt({ rolloutId, attemptId: 'latest', status: 'succeeded' })
    const store = open()
    await store.importSnapshot({ lines: (await linesOf(source)).map((line) => line.replace('"queue":null', '"queue":1')) })
    expect(await store.dequeueRollout()).toBeNull()
  })

  test('two attempts with one number are refused by their line', async () => {
    const source = open()
    const { rollout_id: rolloutId } = await source.startRollout({ rollout: { input: 1 } })
    await source.startAttempt({ rolloutId })
    const lines = (await linesOf(source)).map((line) => line.replace('"sequence_id":2', '"sequence_id":1'))
    await expect(open().importSnapshot({ lines })).rejects.toMatchObject({ code: 'invalid_argument', data: { line: 4 } })
  })
})

test('ids and keys that are no well-formed text are refused', async () => {
  const store = open()
  const claimed = await store.startRollout({ rollout: { input: 1 } })
  const refused = { code: 'invalid_argument' }
  await expect(store.addSpan(spanOf(claimed, { span_id: '\ud800' }))).rejects.toMatchObject(refused)
  await expect(store.dequeueRollout({ idempotencyKey: '\ud800' })).rejects.toMatchObject(refused)
  await expect(store.enqueueRollout({ input: 1, idempotency_key: '\ud801' })).rejects.toMatchObject(refused)
  expect((await store.statistics()).total_rollouts).toBe(1)
})
