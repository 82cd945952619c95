import {
  type Effect,
  type HeldWorker,
  matchWorkers,
  pageOf,
  sortFields,
  workerAfter,
  workerBeat,
  workerFoundNothing,
  workerReportsCapacity,
} from '@agl/store-kit'
import { AglError, type Attempt, type JsonObject, type Page, type Worker, type WorkerQuery } from '@agl/types'
import type { Reading, Writing } from './state.ts'

export function getWorker({ database }: Reading, workerId: string): Worker | undefined {
  const row = database.get<{ record: string }>('SELECT record FROM workers WHERE worker_id = ?', workerId)
  return row === undefined ? undefined : (Object.freeze(JSON.parse(row.record)) as Worker)
}

/** Linear in the workers, of which there are few. */
export function queryWorkers({ database }: Reading, query: WorkerQuery): Page<Worker> {
  const rows = database.all<{ record: string }>('SELECT record FROM workers ORDER BY ordinal')
  const workers = rows.map((row) => Object.freeze(JSON.parse(row.record)) as Worker)
  return pageOf(workers, matchWorkers(query), query, sortFields.workers)
}

export function putWorker(writing: Writing, known: Worker | undefined, worker: Worker): Worker {
  const { database } = writing
  const record = JSON.stringify(worker)
  if (known !== undefined) {
    database.run('UPDATE workers SET record = ? WHERE worker_id = ?', record, worker.worker_id)
    return worker
  }
  database.run('INSERT INTO workers (worker_id, record) VALUES (?, ?)', worker.worker_id, record)
  writing.count('workers', 1)
  return worker
}

/** All workers as retention sees them. */
export function heldWorkers({ database }: Reading): readonly HeldWorker[] {
  const rows = database.all<{ record: string; isRunning: number }>(
    'SELECT record, EXISTS (SELECT 1 FROM attempts WHERE runs_on = worker_id) AS isRunning FROM workers',
  )
  return rows.map(({ record, isRunning }) => ({ worker: JSON.parse(record) as Worker, isRunning: isRunning === 1 }))
}

export function forgetWorker(writing: Writing, workerId: string): void {
  writing.database.run('DELETE FROM workers WHERE worker_id = ?', workerId)
  writing.count('workers', -1)
}

/** How many attempts a worker runs. */
export function runningCount({ database }: Reading, workerId: string): number {
  return database.get<{ count: number }>('SELECT count(*) AS count FROM attempts WHERE runs_on = ?', workerId)!.count
}

/** Of the attempts that a worker runs, the one it got last. */
function runningLast({ database }: Reading, workerId: string): Attempt | null {
  const row = database.get<{ record: string }>(
    'SELECT record FROM attempts WHERE runs_on = ? ORDER BY runs_since DESC LIMIT 1',
    workerId,
  )
  return row === undefined ? null : (JSON.parse(row.record) as Attempt)
}

/** Follows what an attempt's change means for its worker. */
export function followWorker(
  writing: Writing,
  rollout: number,
  effect: Extract<Effect, { readonly kind: 'workerBusy' | 'workerLeft' }>,
  now: number,
): void {
  const { database } = writing
  const { workerId, attempt } = effect
  if (effect.kind === 'workerBusy') {
    database.run(
      `UPDATE attempts SET runs_on = ?, runs_since = (SELECT coalesce(max(runs_since), 0) + 1 FROM attempts WHERE runs_on = ?)
       WHERE rollout = ? AND attempt_id = ?`,
      workerId,
      workerId,
      rollout,
      attempt.attempt_id,
    )
  } else {
    database.run(
      'UPDATE attempts SET runs_on = NULL, runs_since = NULL WHERE rollout = ? AND attempt_id = ? AND runs_on = ?',
      rollout,
      attempt.attempt_id,
      workerId,
    )
  }
  const known = getWorker(writing, workerId)
  const running = effect.kind === 'workerBusy' ? attempt : runningLast(writing, workerId)
  putWorker(writing, known, workerAfter(known, effect, running, now))
}

export function beatWorker(writing: Writing, workerId: string, stats: JsonObject | undefined): Worker {
  const known = getWorker(writing, workerId)
  return putWorker(writing, known, workerBeat(known, workerId, stats, writing.state.clock.now()))
}

/** It asked for work and there was none for it. */
export function findNothing(writing: Writing, workerId: string | null): void {
  if (workerId === null || workerId === '') return
  const known = getWorker(writing, workerId)
  const isRunning = runningCount(writing, workerId) > 0
  putWorker(writing, known, workerFoundNothing(known, workerId, isRunning, writing.state.clock.now()))
}

/** @throws AglError `invalid_argument` for a worker without an id, whose attempts cannot be counted */
export function reportCapacity(writing: Writing, workerId: string, capacity: number): void {
  if (workerId === '') {
    throw new AglError({
      code: 'invalid_argument',
      message: 'Expected a workerId beside `capacity`: the attempts of a worker without an id cannot be counted.',
    })
  }
  const known = getWorker(writing, workerId)
  const worker = workerReportsCapacity(known, workerId, capacity)
  if (worker === known) return
  putWorker(writing, known, worker)
  writing.noteWork()
}
