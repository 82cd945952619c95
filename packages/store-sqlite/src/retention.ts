import {
  isFinished,
  planRetention,
  planWorkersRetention,
  type Retired,
  type RetentionPlan,
  storageFull,
  type Transition,
} from '@agl/store-kit'
import { deleteRollout, dropSpans } from './delete.ts'
import type { Reading, Writing } from './state.ts'
import { forgetWorker, heldWorkers } from './workers.ts'

/*
 * Bytes are those of the stored text (records, inputs, spans, resources), not those of the file: a page that a deletion
 * freed is used again and the file does not shrink, so the file is as large as the store once was, and indexes.
 */

/** Rollouts dropped at most in one transaction when no write waits for the room. */
const passLimit = 200

/** When the next rollout is too old or workers are to be looked at, in epoch seconds; null when never. */
export function nextRetirement(reading: Reading): number | null {
  const moments = [nextOldRollout(reading), reading.state.workersLook].filter((moment) => moment !== null)
  return moments.length === 0 ? null : Math.min(...moments)
}

function nextOldRollout({ database, state }: Reading): number | null {
  const { maxAgeSeconds } = state.retention
  if (maxAgeSeconds === null) return null
  const { first } = database.get<{ first: number | null }>(
    'SELECT min(end_time) AS first FROM rollouts WHERE end_time IS NOT NULL',
  )!
  return first === null ? null : first + maxAgeSeconds
}

/** Drops what is too old or one too many. */
export function applyRetention(writing: Writing): void {
  forgetWorkers(writing)
  const { maxAgeSeconds, maxRollouts } = writing.state.retention
  if (maxAgeSeconds === null && maxRollouts === null) return
  carryOut(writing, plan(writing, 0, passLimit))
}

function forgetWorkers(writing: Writing): void {
  const { state } = writing
  const now = state.clock.now()
  const { maxWorkerAgeSeconds } = state.retention
  if (maxWorkerAgeSeconds === null || (state.workersLook !== null && now <= state.workersLook)) return
  const { forgotten, nextLook } = planWorkersRetention(maxWorkerAgeSeconds, heldWorkers(writing), now)
  for (const id of forgotten) forgetWorker(writing, id)
  state.workersLook = nextLook
}

/**
 * Makes room for a write before it changes anything.
 * @throws AglError `storage_full` when what cannot be dropped leaves none
 */
export function reserve(writing: Writing, addedBytes: number): void {
  const { maxBytes } = writing.state.retention
  if (maxBytes === null) return
  const keptBytes = writing.total('unfinished_bytes') + writing.total('resources_bytes')
  if (keptBytes + addedBytes > maxBytes) throw storageFull({ maxBytes, keptBytes, addedBytes })
  if (keptBytes + writing.total('finished_bytes') + addedBytes > maxBytes) carryOut(writing, plan(writing, addedBytes, Infinity))
}

/**
 * As {@link reserve}, for a change of a rollout. One after which the rollout is finished is always taken: what it adds may
 * be dropped right after, by {@link trim}, and only what ends makes room.
 */
export function reserveFor(writing: Writing, { rollout }: Transition, addedBytes: number): void {
  if (addedBytes > 0 && !isFinished(rollout.rollout.status)) reserve(writing, addedBytes)
}

/** Drops finished rollouts until the store is within its bound again. */
export function trim(writing: Writing): void {
  const { maxBytes } = writing.state.retention
  if (maxBytes === null) return
  const keptBytes = writing.total('unfinished_bytes') + writing.total('resources_bytes')
  if (keptBytes + writing.total('finished_bytes') > maxBytes) carryOut(writing, plan(writing, 0, Infinity))
}

/** What a value takes as JSON; 0 for none. */
export function jsonLength(value: unknown): number {
  return (JSON.stringify(value) ?? '').length
}

function plan(writing: Writing, addedBytes: number, limit: number): RetentionPlan {
  const { state } = writing
  const stored = writing.total('unfinished_bytes') + writing.total('finished_bytes') + writing.total('resources_bytes')
  return planRetention(state.retention, {
    now: state.clock.now(),
    finished: writing.total('rollouts_succeeded') + writing.total('rollouts_failed') + writing.total('rollouts_cancelled'),
    bytes: stored + addedBytes,
    retired: () => retired(writing, ''),
    withSpans: () => retired(writing, 'AND span_bytes > 0'),
    limit,
  })
}

function* retired({ database }: Reading, condition: '' | 'AND span_bytes > 0'): Generator<Retired> {
  yield* database.iterate<Retired>(`
    SELECT rollout_id AS rolloutId, end_time AS endTime, record_bytes AS recordBytes, span_bytes AS spanBytes
    FROM rollouts WHERE end_time IS NOT NULL ${condition} ORDER BY end_time`)
}

function carryOut(writing: Writing, { rollouts, spans }: RetentionPlan): void {
  for (const id of spans) dropSpans(writing, id)
  for (const id of rollouts) deleteRollout(writing, id)
  if (rollouts.length + spans.length === 0) return
  writing.log('debug', 'retention', { rolloutsDeleted: rollouts.length, spansDropped: spans.length })
}
