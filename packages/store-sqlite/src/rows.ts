import type { AttemptEntry, AttemptNotes, AttemptSubject, RolloutEntry, RolloutNotes } from '@agl/store-kit'
import { attemptNotFound, rolloutNotFound, readInputText, readRecord } from '@agl/store-kit'
import type { Attempt, AttemptedRollout, Rollout, JsonValue } from '@agl/types'
import type { Reading } from './state.ts'

/** A rollout as it was read. */
export interface RolloutRow {
  readonly ordinal: number
  readonly entry: RolloutEntry
  /** The highest span sequence id given or seen. */
  readonly sequence: number
}

export interface AttemptRow {
  readonly ordinal: number
  readonly entry: AttemptEntry
  /** See the table. */
  readonly deadline: number | null
  /** Whether retention has dropped its spans. */
  readonly isGone: boolean
}

interface StoredRollout {
  readonly ordinal: number
  readonly record: string
  readonly notes: string
  readonly span_sequence: number
  readonly input?: string
}

export interface StoredAttempt {
  readonly ordinal: number
  readonly record: string
  readonly notes: string
  readonly deadline: number | null
  readonly spans_gone: number
}

function rolloutOf(stored: StoredRollout): RolloutRow {
  const record = readRecord(JSON.parse(stored.record) as Rollout & { input: JsonValue })
  if (stored.input !== undefined) record.input = readInputText(stored.input)
  return {
    ordinal: stored.ordinal,
    entry: { rollout: Object.freeze(record), notes: JSON.parse(stored.notes) as RolloutNotes },
    sequence: stored.span_sequence,
  }
}

export function attemptOf(stored: StoredAttempt): AttemptRow {
  const attempt = Object.freeze(readRecord(JSON.parse(stored.record) as Attempt))
  return {
    ordinal: stored.ordinal,
    entry: { attempt, notes: JSON.parse(stored.notes) as AttemptNotes },
    deadline: stored.deadline,
    isGone: stored.spans_gone === 1,
  }
}

/** The columns of a rollout without its input. */
export const bareColumns = 'ordinal, record, notes, span_sequence'

/** The columns of a whole rollout, of the tables `rollouts` and `inputs`. */
export const rolloutColumns = 'rollouts.ordinal, record, notes, span_sequence, input'
export const rolloutTables = 'rollouts JOIN inputs ON inputs.rollout = rollouts.ordinal'

export function readRollouts(stored: readonly object[]): readonly RolloutRow[] {
  return stored.map((row) => rolloutOf(row as StoredRollout))
}

export function getRollout({ database }: Reading, rolloutId: string): RolloutRow | undefined {
  const stored = database.get<StoredRollout>(`SELECT ${rolloutColumns} FROM ${rolloutTables} WHERE rollout_id = ?`, rolloutId)
  return stored === undefined ? undefined : rolloutOf(stored)
}

/** @throws AglError `not_found` */
export function findRollout(reading: Reading, rolloutId: string): RolloutRow {
  const row = getRollout(reading, rolloutId)
  if (row === undefined) throw rolloutNotFound(rolloutId)
  return row
}

/**
 * Without its input, which reads null: for transitions whose caller does not answer the rollout. Writing such a row
 * leaves the input alone.
 */
export function getRolloutWithoutInput({ database }: Reading, rolloutId: string): RolloutRow | undefined {
  const stored = database.get<StoredRollout>(`SELECT ${bareColumns} FROM rollouts WHERE rollout_id = ?`, rolloutId)
  return stored === undefined ? undefined : rolloutOf(stored)
}

/** @throws AglError `not_found` */
export function findRolloutWithoutInput(reading: Reading, rolloutId: string): RolloutRow {
  const row = getRolloutWithoutInput(reading, rolloutId)
  if (row === undefined) throw rolloutNotFound(rolloutId)
  return row
}

export function rolloutAt({ database }: Reading, ordinal: number): RolloutRow {
  return rolloutOf(database.get<StoredRollout>(`SELECT ${bareColumns} FROM rollouts WHERE ordinal = ?`, ordinal)!)
}

/** A row that was read without its input, with it. */
export function withInput({ database }: Reading, row: RolloutRow): RolloutRow {
  const { ordinal, entry } = row
  const { input } = database.get<{ input: string }>('SELECT input FROM inputs WHERE rollout = ?', ordinal)!
  const rollout = Object.freeze({ ...entry.rollout, input: readInputText(input) })
  return { ...row, entry: { rollout, notes: entry.notes } }
}

export function ordinalOf({ database }: Reading, rolloutId: string): number | undefined {
  return database.get<{ ordinal: number }>('SELECT ordinal FROM rollouts WHERE rollout_id = ?', rolloutId)?.ordinal
}

export const attemptColumns = 'ordinal, record, notes, deadline, spans_gone'

export function getAttempt({ database }: Reading, rollout: number, attemptId: string): AttemptRow | undefined {
  const stored = database.get<StoredAttempt>(
    `SELECT ${attemptColumns} FROM attempts WHERE rollout = ? AND attempt_id = ?`,
    rollout,
    attemptId,
  )
  return stored === undefined ? undefined : attemptOf(stored)
}

/** @throws AglError `not_found` for an attempt that is unknown or another rollout's */
export function findAttempt(reading: Reading, rollout: RolloutRow, attemptId: string): AttemptRow {
  const row = getAttempt(reading, rollout.ordinal, attemptId)
  if (row === undefined) throw attemptNotFound(rollout.entry.rollout.rollout_id, attemptId)
  return row
}

export function hasAttempt({ database }: Reading, attemptId: string): boolean {
  return database.get('SELECT 1 FROM attempts WHERE attempt_id = ? LIMIT 1', attemptId) !== undefined
}

export function latestAttempt({ database }: Reading, rollout: number): AttemptRow | undefined {
  const stored = database.get<StoredAttempt>(
    `SELECT ${attemptColumns} FROM attempts WHERE rollout = ? ORDER BY sequence_id DESC LIMIT 1`,
    rollout,
  )
  return stored === undefined ? undefined : attemptOf(stored)
}

/** In the order of their claims. */
export function attemptsOf({ database }: Reading, rollout: number): readonly AttemptRow[] {
  const stored = database.all<StoredAttempt>(
    `SELECT ${attemptColumns} FROM attempts WHERE rollout = ? ORDER BY sequence_id`,
    rollout,
  )
  return stored.map(attemptOf)
}

/** The highest sequence id of the rollout's attempts; 0 when it has none. */
export function lastAttemptNumber({ database }: Reading, rollout: number): number {
  const row = database.get<{ last: number | null }>('SELECT max(sequence_id) AS last FROM attempts WHERE rollout = ?', rollout)
  return row?.last ?? 0
}

/** What the state machine is told about an attempt. */
export function subjectOf(reading: Reading, rollout: RolloutRow, attempt: AttemptRow): AttemptSubject {
  const isLatest = attempt.entry.attempt.sequence_id === lastAttemptNumber(reading, rollout.ordinal)
  return { rollout: rollout.entry, attempt: attempt.entry, isLatest }
}

/** The rollout with its latest attempt, as claims and reads answer it. */
export function withLatestAttempt(reading: Reading, row: RolloutRow): Rollout | AttemptedRollout {
  const latest = latestAttempt(reading, row.ordinal)
  return latest === undefined ? row.entry.rollout : withAttempt(row.entry.rollout, latest.entry.attempt)
}

export function withAttempt(rollout: Rollout, attempt: Attempt): AttemptedRollout {
  return Object.freeze({ ...rollout, attempt })
}
