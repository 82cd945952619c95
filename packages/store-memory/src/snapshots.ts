import {
  decodeSnapshot,
  encodeSnapshotRecord,
  isLive,
  isQueuing,
  snapshotEnd,
  snapshotHeader,
  type SnapshotRecord,
  unreachable,
} from '@agl/store-kit'
import { AglError } from '@agl/types'
import { bytesOfRollout, insertRollout, putWorker, requeueRow, restoreAttempt, retireAnew } from './apply.ts'
import { attemptBytes, heapBytes } from './bytes.ts'
import { serveWaiters } from './claim.ts'
import { emit } from './events.ts'
import { reserve } from './reserve.ts'
import { findLatest, insertVersion, toStored, toUpdate } from './resources.ts'
import { placesOf } from './span-shelf.ts'
import { putArrived, spanBytes } from './spans.ts'
import type { MemoryState, RolloutRow } from './state.ts'

/** The lines of a snapshot. Each rollout with all that hangs on it is read in one tick. */
export async function* exportSnapshot(
  state: MemoryState,
  signal: AbortSignal | undefined,
  checkOpen: () => void,
): AsyncGenerator<string, void, void> {
  let records = 0
  signal?.throwIfAborted()
  checkOpen()
  yield snapshotHeader({ name: state.name, time: state.clock.now() })
  for (const batch of batches(state)) {
    for (const record of batch) {
      signal?.throwIfAborted()
      checkOpen()
      records++
      yield encodeSnapshotRecord(record)
    }
  }
  yield snapshotEnd(records)
}

/** Each batch fits together; between two of them the store may change. */
function* batches(state: MemoryState): Generator<readonly SnapshotRecord[]> {
  yield resourcesRecords(state)
  for (const row of state.rollouts.values()) {
    yield rolloutRecords(row)
  }
  yield [...state.workers.values()].map(({ worker }) => ({ kind: 'worker', worker }))
  yield [...state.keys.entries()].map((key) => ({ kind: 'idempotency_key', ...key }))
}

function resourcesRecords(state: MemoryState): readonly SnapshotRecord[] {
  const records: SnapshotRecord[] = []
  for (const [id, row] of state.resources) {
    records.push({ kind: 'resources_history', resources_id: id, last_version: row.lastVersion })
    for (const stored of row.versions.values()) records.push({ kind: 'resources', resources: toUpdate(stored) })
  }
  for (const alias of state.aliases.values()) records.push({ kind: 'alias', alias })
  return records
}

function rolloutRecords(row: RolloutRow): readonly SnapshotRecord[] {
  const { rollout, notes } = row.entry
  const records: SnapshotRecord[] = [
    { kind: 'rollout', rollout, notes, sequence: row.sequence, queue: row.ticket?.order ?? null },
  ]
  for (const { entry, isGone } of row.attempts) {
    records.push({ kind: 'attempt', attempt: entry.attempt, notes: entry.notes, is_gone: isGone })
  }
  const places = row.attempts.flatMap(({ spans }) => (spans === null ? [] : [...placesOf(spans)]))
  for (const place of places.sort((a, b) => a.arrival - b.arrival)) records.push({ kind: 'span', span: place.read() })
  return records
}

/**
 * Reads everything before the store changes.
 * @throws AglError `conflict` when the store is not empty, `invalid_argument` that names the line
 */
export async function importSnapshot(state: MemoryState, lines: AsyncIterable<string> | Iterable<string>): Promise<void> {
  checkEmpty(state)
  const decoded: { readonly record: SnapshotRecord }[] = []
  for await (const item of decodeSnapshot(lines)) decoded.push(item)
  checkEmpty(state)
  reserve(
    state,
    decoded.reduce((sum, { record }) => sum + bytesOf(record), 0),
  )
  for (const { record } of decoded) restore(state, record)
  restoreOrders(
    state,
    decoded.map(({ record }) => record),
  )
  state.latestResources = findLatest(state)
  serveWaiters(state)
}

function bytesOf(record: SnapshotRecord): number {
  switch (record.kind) {
    case 'span':
      return spanBytes(record.span)
    case 'rollout':
      return bytesOfRollout(record.rollout)
    case 'attempt':
      return attemptBytes + heapBytes(record.attempt.metadata)
    default:
      return 0
  }
}

function checkEmpty(state: MemoryState): void {
  if (state.rollouts.size + state.resources.size + state.workers.size === 0) return
  throw new AglError({
    code: 'conflict',
    message: `A snapshot can only fill an empty store; this one holds ${state.rollouts.size} rollouts, ${state.resources.size} resources and ${state.workers.size} workers.`,
  })
}

function restore(state: MemoryState, record: SnapshotRecord): void {
  switch (record.kind) {
    case 'resources_history':
      state.resources.set(record.resources_id, { lastVersion: record.last_version, versions: new Map() })
      return
    case 'resources':
      insertVersion(state, toStored(record.resources), record.resources)
      return
    case 'alias':
      state.aliases.set(record.alias.alias, record.alias)
      emit(state, () => ({ type: 'resources_alias', alias: record.alias.alias, target: record.alias }))
      return
    case 'rollout': {
      const { rollout, notes, sequence } = record
      insertRollout(state, { rollout: Object.freeze(rollout), notes }).sequence = sequence
      return
    }
    case 'attempt': {
      const { attempt, notes, is_gone: isGone } = record
      const row = restoreAttempt(state, state.rollouts.get(attempt.rollout_id)!, { attempt: Object.freeze(attempt), notes })
      row.isGone = isGone
      return
    }
    case 'span':
      putArrived(state, state.attempts.get(record.span.attempt_id)!, record.span, spanBytes(record.span))
      return
    case 'worker':
      putWorker(state, Object.freeze(record.worker))
      return
    case 'idempotency_key':
      state.keys.remember(record)
      return
    default:
      unreachable(record)
  }
}

/**
 * Brings back the orders that are not that of insertion: the queue, the finished rollouts by their end, and what each
 * worker runs by its start.
 */
function restoreOrders(state: MemoryState, records: readonly SnapshotRecord[]): void {
  const rollouts = records.filter((record) => record.kind === 'rollout')
  for (const { rollout } of rollouts.toSorted((a, b) => (a.queue ?? 0) - (b.queue ?? 0))) {
    const row = state.rollouts.get(rollout.rollout_id)!
    if (isQueuing(rollout.status)) requeueRow(state, row)
  }
  const ended = [...state.retired].sort((a, b) => a.entry.rollout.end_time! - b.entry.rollout.end_time!)
  for (const row of ended) retireAnew(state, row)
  const live = [...state.attempts.values()].filter(({ entry }) => isLive(entry.attempt.status))
  for (const { entry } of live.sort((a, b) => a.entry.attempt.start_time - b.entry.attempt.start_time)) {
    const { worker_id: workerId } = entry.attempt
    if (workerId !== null) state.workers.get(workerId)?.running.add(entry.attempt)
  }
}
