import {
  type AttemptEntry,
  type Effect,
  isAttemptNews,
  isFinished,
  isLive,
  isQueuing,
  isRolloutNews,
  nextDeadline,
  type RolloutEntry,
  type Transition,
  unreachable,
  writeAttemptText,
  writeInputText,
  writeRecordText,
} from '@agl/store-kit'
import type { JsonValue } from '@agl/types'
import { addAttemptEvent, addRolloutEvent } from './events.ts'
import type { AttemptRow, RolloutRow } from './rows.ts'
import type { Writing } from './state.ts'
import { followWorker } from './workers.ts'

/** Stores a new rollout. @param now of the event, which is of the present for a rollout of a snapshot too */
export function insertRollout(writing: Writing, entry: RolloutEntry, now: number): RolloutRow {
  const { database } = writing
  const { rollout_id: id, status, priority, end_time: endTime } = entry.rollout
  const record = recordOf(entry)
  const input = writeInputText(entry.rollout.input)
  const bytes = Buffer.byteLength(record) + Buffer.byteLength(input)
  const ordinal = writing.database.insert(
    'INSERT INTO rollouts (rollout_id, status, priority, end_time, record, notes, record_bytes) VALUES (?, ?, ?, ?, ?, ?, ?)',
    id,
    status,
    priority,
    endTime,
    record,
    JSON.stringify(entry.notes),
    bytes,
  )
  database.run('INSERT INTO inputs (rollout, input) VALUES (?, ?)', ordinal, input)
  if (isQueuing(status)) putIntoQueue(writing, ordinal, priority)
  writing.count(`rollouts_${status}`, 1)
  writing.count(isFinished(status) ? 'finished_bytes' : 'unfinished_bytes', bytes)
  addRolloutEvent(writing, id, record, now)
  return { ordinal, entry, sequence: 0 }
}

/** At the tail of its priority. */
function putIntoQueue(writing: Writing, ordinal: number, priority: number): void {
  writing.database.run(
    `UPDATE rollouts SET queue_place =
       (SELECT coalesce(max(queue_place), 0) + 1 FROM rollouts WHERE queue_place IS NOT NULL AND priority = ?)
     WHERE ordinal = ?`,
    priority,
    ordinal,
  )
  writing.noteWork()
}

function recordOf({ rollout }: RolloutEntry): string {
  return writeRecordText(rollout)
}

/** @param row as it is now */
export function writeInput(writing: Writing, row: RolloutRow, input: JsonValue): void {
  const { database } = writing
  const text = writeInputText(input)
  const { bytes } = database.get<{ bytes: number }>(
    'SELECT length(CAST(input AS BLOB)) AS bytes FROM inputs WHERE rollout = ?',
    row.ordinal,
  )!
  database.run('UPDATE inputs SET input = ? WHERE rollout = ?', text, row.ordinal)
  bookBytes(writing, row, Buffer.byteLength(text) - bytes)
}

/** Notes what a rollout has come to take more, or less. */
function bookBytes(writing: Writing, { ordinal, entry }: RolloutRow, by: number): void {
  if (by === 0) return
  writing.database.run('UPDATE rollouts SET record_bytes = record_bytes + ? WHERE ordinal = ?', by, ordinal)
  countBytes(writing, entry, by)
}

function countBytes(writing: Writing, { rollout }: RolloutEntry, by: number): void {
  writing.count(isFinished(rollout.status) ? 'finished_bytes' : 'unfinished_bytes', by)
}

/**
 * Writes a transition: all records first, those of the attempts before that of the rollout, then what follows from them.
 * The rollout's input is not touched.
 * @param known the rows of the attempts that the transition may have changed; others it brings are new
 */
export function applyTransition(
  writing: Writing,
  row: RolloutRow,
  known: readonly AttemptRow[],
  transition: Transition,
  now: number,
): RolloutRow {
  for (const entry of transition.attempts) {
    const before = known.find((attempt) => attempt.entry.attempt.attempt_id === entry.attempt.attempt_id)
    writeAttempt(writing, row, before, entry, now)
  }
  if (transition.rollout !== row.entry) writeRollout(writing, row, transition.rollout, now)
  const changed: RolloutRow = { ...row, entry: transition.rollout }
  for (const effect of transition.effects) applyEffect(writing, changed, effect, now)
  return changed
}

function writeRollout(writing: Writing, row: RolloutRow, after: RolloutEntry, now: number): void {
  const { status, end_time: endTime } = after.rollout
  const record = recordOf(after)
  const addedBytes = Buffer.byteLength(record) - Buffer.byteLength(recordOf(row.entry))
  writing.database.run(
    'UPDATE rollouts SET status = ?, end_time = ?, record = ?, notes = ?, record_bytes = record_bytes + ? WHERE ordinal = ?',
    status,
    endTime,
    record,
    JSON.stringify(after.notes),
    addedBytes,
    row.ordinal,
  )
  countBytes(writing, row.entry, addedBytes)
  if (!isRolloutNews(row.entry.rollout, after.rollout)) return
  addRolloutEvent(writing, after.rollout.rollout_id, record, now)
  if (status === row.entry.rollout.status) return
  writing.count(`rollouts_${row.entry.rollout.status}`, -1)
  writing.count(`rollouts_${status}`, 1)
  if (isFinished(status) !== isFinished(row.entry.rollout.status)) moveBytes(writing, row.ordinal, isFinished(status))
}

/** What a rollout takes counts with the finished ones or with the others. */
function moveBytes(writing: Writing, ordinal: number, isNowFinished: boolean): void {
  const { bytes } = writing.database.get<{ bytes: number }>(
    'SELECT record_bytes + span_bytes AS bytes FROM rollouts WHERE ordinal = ?',
    ordinal,
  )!
  writing.count('finished_bytes', isNowFinished ? bytes : -bytes)
  writing.count('unfinished_bytes', isNowFinished ? -bytes : bytes)
}

function writeAttempt(
  writing: Writing,
  rollout: RolloutRow,
  before: AttemptRow | undefined,
  entry: AttemptEntry,
  now: number,
): void {
  if (before === undefined) {
    insertAttempt(writing, rollout, entry, now)
    return
  }
  const record = writeAttemptText(entry.attempt)
  writing.database.run(
    'UPDATE attempts SET deadline = ?, record = ?, notes = ? WHERE ordinal = ?',
    deadlineOf(rollout, before.deadline, entry),
    record,
    JSON.stringify(entry.notes),
    before.ordinal,
  )
  // A sign of life alone changes the digits of its time; booking these would cost a statement with each span.
  if (!isAttemptNews(before.entry.attempt, entry.attempt)) return
  addAttemptEvent(writing, record, now)
  bookBytes(writing, rollout, attemptBytes(entry) - attemptBytes(before.entry))
}

function attemptBytes({ attempt, notes }: AttemptEntry): number {
  return Buffer.byteLength(writeAttemptText(attempt)) + JSON.stringify(notes).length
}

/** Stores a new attempt; answers its ordinal. */
export function insertAttempt(writing: Writing, rollout: RolloutRow, entry: AttemptEntry, now: number): number {
  const { attempt } = entry
  const record = writeAttemptText(attempt)
  const notes = JSON.stringify(entry.notes)
  const ordinal = writing.database.insert(
    'INSERT INTO attempts (rollout, attempt_id, sequence_id, deadline, record, notes) VALUES (?, ?, ?, ?, ?, ?)',
    rollout.ordinal,
    attempt.attempt_id,
    attempt.sequence_id,
    deadlineOf(rollout, null, entry),
    record,
    notes,
  )
  bookBytes(writing, rollout, attemptBytes(entry))
  writing.count('attempts', 1)
  addAttemptEvent(writing, record, now)
  return ordinal
}

/**
 * When the attempt has to be looked at. A limit that moves away, as each span and heartbeat moves it, is not written: the
 * attempt is looked at when the old moment comes and put back then, which keeps signs of life cheap.
 */
function deadlineOf(rollout: RolloutRow, present: number | null, { attempt }: AttemptEntry): number | null {
  if (!isLive(attempt.status)) return null
  const next = nextDeadline(attempt, rollout.entry.rollout)
  if (next === null || present === null) return next ?? present
  return Math.min(next, present)
}

/** Looks anew at when an attempt can end: after a change of the rollout's limits, or when the old moment has come. */
export function armAttempt({ database }: Writing, rollout: RolloutRow, row: AttemptRow): void {
  const { attempt } = row.entry
  const next = isLive(attempt.status) ? nextDeadline(attempt, rollout.entry.rollout) : null
  if (next !== row.deadline) database.run('UPDATE attempts SET deadline = ? WHERE ordinal = ?', next, row.ordinal)
}

function applyEffect(writing: Writing, row: RolloutRow, effect: Effect, now: number): void {
  const { database } = writing
  const { rollout_id: rolloutId, priority } = row.entry.rollout
  switch (effect.kind) {
    case 'enqueue':
      putIntoQueue(writing, row.ordinal, priority)
      return
    case 'dequeue':
      database.run('UPDATE rollouts SET queue_place = NULL WHERE ordinal = ?', row.ordinal)
      return
    // Who waits for rollouts is told by the events, after the commit.
    case 'finished':
    case 'reopened':
      return
    case 'settled': {
      const { attempt_id: attemptId, outcome } = effect.attempt
      writing.log('debug', 'attempt settled', { rolloutId, attemptId, outcome })
      return
    }
    case 'workerBusy':
    case 'workerLeft':
      followWorker(writing, row.ordinal, effect, now)
      if (effect.kind === 'workerLeft') writing.noteWork()
      return
    default:
      unreachable(effect)
  }
}
