import { isFinished } from '@agl/store-kit'
import type { Attempt, RolloutStatus } from '@agl/types'
import { addEvent } from './events.ts'
import type { Reading, Writing } from './state.ts'
import { followWorker } from './workers.ts'

interface Weight {
  readonly ordinal: number
  readonly status: RolloutStatus
  readonly recordBytes: number
  readonly spanCount: number
  readonly spanBytes: number
}

function weigh({ database }: Reading, rolloutId: string): Weight | undefined {
  return database.get<Weight>(
    `SELECT ordinal, status, record_bytes AS recordBytes, span_count AS spanCount, span_bytes AS spanBytes
     FROM rollouts WHERE rollout_id = ?`,
    rolloutId,
  )
}

/** Deletes those that are finished; answers their ids. */
export function deleteRollouts(writing: Writing, rolloutIds: readonly string[]): readonly string[] {
  return [...new Set(rolloutIds)].filter((id) => deleteRollout(writing, id))
}

/** Forgets a finished rollout and all that hangs on it. Answers whether it did. */
export function deleteRollout(writing: Writing, rolloutId: string): boolean {
  const weight = weigh(writing, rolloutId)
  if (weight === undefined || !isFinished(weight.status)) return false
  const { database, state } = writing
  const { ordinal, status } = weight
  deleteSpans(writing, weight)
  freeWorkers(writing, ordinal)
  const attempts = database.run('DELETE FROM attempts WHERE rollout = ?', ordinal)
  database.run('DELETE FROM inputs WHERE rollout = ?', ordinal)
  database.run('DELETE FROM rollouts WHERE ordinal = ?', ordinal)
  writing.count('attempts', -attempts)
  writing.count(`rollouts_${status}`, -1)
  writing.count('finished_bytes', -weight.recordBytes)
  addEvent(writing, { type: 'rollout_deleted', rollout_id: rolloutId }, state.clock.now())
  return true
}

/** A rollout that was finished by hand may have attempts that are still running. */
function freeWorkers(writing: Writing, rollout: number): void {
  const now = writing.state.clock.now()
  const running = writing.database.all<{ record: string; runs_on: string }>(
    'SELECT record, runs_on FROM attempts WHERE rollout = ? AND runs_on IS NOT NULL',
    rollout,
  )
  for (const { record, runs_on: workerId } of running) {
    const attempt = JSON.parse(record) as Attempt
    followWorker(writing, rollout, { kind: 'workerLeft', workerId, attempt, isLost: false }, now)
  }
  if (running.length > 0) writing.noteWork()
}

/** Drops the spans of a finished rollout and keeps its records. */
export function dropSpans(writing: Writing, rolloutId: string): void {
  const weight = weigh(writing, rolloutId)
  if (weight === undefined) return
  // An attempt that had no spans has lost none.
  writing.database.run(
    'UPDATE attempts SET spans_gone = 1 WHERE rollout = ? AND EXISTS (SELECT 1 FROM spans WHERE attempt = attempts.ordinal)',
    weight.ordinal,
  )
  deleteSpans(writing, weight)
  writing.database.run('UPDATE rollouts SET span_count = 0, span_bytes = 0 WHERE ordinal = ?', weight.ordinal)
}

function deleteSpans(writing: Writing, { ordinal, spanCount, spanBytes }: Weight): void {
  if (spanCount > 0) writing.database.run('DELETE FROM spans WHERE rollout = ?', ordinal)
  writing.count('spans', -spanCount)
  writing.count('span_bytes', -spanBytes)
  writing.count('finished_bytes', -spanBytes)
}
