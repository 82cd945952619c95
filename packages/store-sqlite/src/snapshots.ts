import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  decodeSnapshot,
  encodeSnapshotRecord,
  isLive,
  isQueuing,
  snapshotEnd,
  snapshotHeader,
  type SnapshotRecord,
  unreachable,
  readJson,
  writeJson,
} from '@agl/store-kit'
import { AglError, type Worker } from '@agl/types'
import { putAlias, readAliases } from './aliases.ts'
import { insertAttempt, insertRollout } from './apply.ts'
import { openDatabase } from './database/database.ts'
import type { Engine } from './engine.ts'
import { addEvent, trimEvents } from './events.ts'
import { putAnswer, readAnswers } from './idempotency.ts'
import { orderVersionsByTime } from './migrations/3-latest-resources.ts'
import { inMemory } from './options.ts'
import { getResourcesById, insertVersion, putHistory } from './resources.ts'
import { attemptsOf, findRolloutWithoutInput, getAttempt, readRollouts, rolloutColumns, rolloutTables } from './rows.ts'
import { restoreSpan } from './spans.ts'
import type { Reading, SqliteState, Writing } from './state.ts'
import { countRollouts } from './statistics.ts'
import { putWorker, queryWorkers } from './workers.ts'

/** Records restored between two turns of the event loop. */
const chunk = 500

/** How long a statement may wait for the file; readers wait only while another connection recovers it. */
const readTimeoutMs = 1000

/** The lines of a snapshot: one state of the store, however long the reading takes and whatever is written meanwhile. */
export async function* exportSnapshot(
  engine: Engine,
  state: SqliteState,
  { signal }: { readonly signal?: AbortSignal },
): AsyncGenerator<string, void, void> {
  signal?.throwIfAborted()
  // What was asked for before is in it.
  const atOnce = await engine.read((reading) => (state.file === inMemory ? [...lines(reading)] : null))
  if (atOnce !== null) {
    yield* check(atOnce, engine, signal)
    return
  }
  const database = openDatabase(state.file, { timeoutMs: readTimeoutMs })
  try {
    database.execute('BEGIN')
    // The first read fixes what is seen.
    database.get('SELECT 1 FROM feed')
    yield* check(lines({ state, database }), engine, signal)
  } finally {
    database.close()
  }
}

function* check(all: Iterable<string>, engine: Engine, signal: AbortSignal | undefined): Generator<string> {
  for (const line of all) {
    signal?.throwIfAborted()
    engine.throwIfClosed()
    yield line
  }
}

function* lines(reading: Reading): Generator<string> {
  const { state } = reading
  let count = 0
  yield snapshotHeader({ name: state.name, time: state.clock.now() })
  for (const record of records(reading)) {
    count++
    yield encodeSnapshotRecord(record)
  }
  yield snapshotEnd(count)
}

function* records(reading: Reading): Generator<SnapshotRecord> {
  yield* resourcesRecords(reading)
  for (const alias of readAliases(reading)) yield { kind: 'alias', alias }
  yield* rolloutRecords(reading)
  for (const worker of queryWorkers(reading, {}).items) yield { kind: 'worker', worker }
  for (const answer of readAnswers(reading)) yield { kind: 'idempotency_key', ...answer }
}

function* resourcesRecords(reading: Reading): Generator<SnapshotRecord> {
  const { database } = reading
  const ids = database.all<{ resources_id: string; last_version: number }>(
    'SELECT resources_id, last_version FROM resources ORDER BY ordinal',
  )
  for (const { resources_id: resourcesId, last_version: lastVersion } of ids) {
    yield { kind: 'resources_history', resources_id: resourcesId, last_version: lastVersion }
    const versions = database.all<{ version: number }>(
      'SELECT version FROM resources_versions WHERE resources_id = ? ORDER BY version',
      resourcesId,
    )
    for (const { version } of versions) {
      yield { kind: 'resources', resources: getResourcesById(reading, { resourcesId, version })! }
    }
  }
}

function* rolloutRecords(reading: Reading): Generator<SnapshotRecord> {
  const { database } = reading
  const stored = database.iterate<{ span_sequence: number; queue_place: number | null }>(
    `SELECT ${rolloutColumns}, span_sequence, queue_place FROM ${rolloutTables} ORDER BY rollouts.ordinal`,
  )
  for (const row of stored) {
    const [{ ordinal, entry }] = readRollouts([row]) as [ReturnType<typeof readRollouts>[number]]
    const { rollout, notes } = entry
    yield { kind: 'rollout', rollout, notes, sequence: row.span_sequence, queue: row.queue_place }
    for (const attempt of attemptsOf(reading, ordinal)) {
      yield { kind: 'attempt', ...attempt.entry, is_gone: attempt.isGone }
    }
    const spans = database.all<{ record: string }>('SELECT record FROM spans WHERE rollout = ? ORDER BY ordinal', ordinal)
    for (const { record } of spans) yield { kind: 'span', span: readJson(record) }
  }
}

/**
 * Fills an empty store. The lines are first read and checked as a whole, into a temporary file; then other calls wait
 * until the records are in the store.
 * @throws AglError `conflict` when the store is not empty, `invalid_argument` that names the line
 */
export async function importSnapshot(engine: Engine, source: AsyncIterable<string> | Iterable<string>): Promise<void> {
  await engine.read(checkEmpty)
  // SQLite keeps a database without a name in a temporary file of its own.
  const staging = openDatabase('', { timeoutMs: 0 })
  try {
    staging.execute('CREATE TABLE staged (line INTEGER PRIMARY KEY, record TEXT NOT NULL); BEGIN')
    for await (const { line, record } of decodeSnapshot(source)) {
      staging.run('INSERT INTO staged (line, record) VALUES (?, ?)', line, writeJson(record, `line ${line}`))
    }
    await engine.exclusively(async (writing) => {
      checkEmpty(writing)
      let count = 0
      for (const { record } of staging.iterate<{ record: string }>('SELECT record FROM staged ORDER BY line')) {
        restore(writing, readJson<SnapshotRecord>(record))
        if (++count % chunk > 0) continue
        trimEvents(writing)
        await nextTurn()
      }
      writing.database.execute(orderVersionsByTime)
    })
  } finally {
    staging.close()
  }
}

function checkEmpty(reading: Reading): void {
  const counts = { rollouts: countRollouts(reading), ...countRows(reading) }
  if (counts.rollouts + counts.resources + counts.workers === 0) return
  throw new AglError({
    code: 'conflict',
    message: `A snapshot can only fill an empty store; this one holds ${counts.rollouts} rollouts, ${counts.resources} resources and ${counts.workers} workers.`,
    data: counts,
  })
}

function countRows({ database }: Reading): { readonly resources: number; readonly workers: number } {
  return database.get<{ resources: number; workers: number }>(
    'SELECT (SELECT count(*) FROM resources) AS resources, (SELECT count(*) FROM workers) AS workers',
  )!
}

function restore(writing: Writing, record: SnapshotRecord): void {
  switch (record.kind) {
    case 'resources_history':
      putHistory(writing, record.resources_id, record.last_version)
      return
    case 'resources':
      insertVersion(writing, record.resources, writing.state.clock.now())
      return
    case 'alias':
      putAlias(writing, record.alias)
      addEvent(writing, { type: 'resources_alias', alias: record.alias.alias, target: record.alias }, writing.state.clock.now())
      return
    case 'rollout':
      restoreRollout(writing, record)
      return
    case 'attempt':
      restoreAttempt(writing, record)
      return
    case 'span': {
      const { rollout_id: rolloutId, attempt_id: attemptId } = record.span
      const rollout = findRolloutWithoutInput(writing, rolloutId)
      restoreSpan(writing, rollout, getAttempt(writing, rollout.ordinal, attemptId)!, record.span)
      return
    }
    case 'worker':
      putWorker(writing, undefined, record.worker satisfies Worker)
      return
    case 'idempotency_key':
      putAnswer(writing, record)
      return
    default:
      unreachable(record)
  }
}

function restoreRollout(writing: Writing, record: Extract<SnapshotRecord, { readonly kind: 'rollout' }>): void {
  const { rollout, notes, sequence, queue } = record
  const { ordinal } = insertRollout(writing, { rollout, notes }, writing.state.clock.now())
  writing.database.run(
    'UPDATE rollouts SET span_sequence = ?, queue_place = coalesce(?, queue_place) WHERE ordinal = ?',
    sequence,
    // What does not wait must not be claimed.
    isQueuing(rollout.status) ? queue : null,
    ordinal,
  )
}

function restoreAttempt(writing: Writing, record: Extract<SnapshotRecord, { readonly kind: 'attempt' }>): void {
  const { attempt, notes, is_gone: isGone } = record
  const rollout = findRolloutWithoutInput(writing, attempt.rollout_id)
  const ordinal = insertAttempt(writing, rollout, { attempt, notes }, writing.state.clock.now())
  const { database } = writing
  if (isGone) database.run('UPDATE attempts SET spans_gone = 1 WHERE ordinal = ?', ordinal)
  const runsOn = isLive(attempt.status) && attempt.worker_id !== '' ? attempt.worker_id : null
  // The order in which a worker got what it runs is that of the claims, as far as their times tell.
  if (runsOn !== null) {
    database.run('UPDATE attempts SET runs_on = ?, runs_since = ? WHERE ordinal = ?', runsOn, attempt.start_time, ordinal)
  }
}
