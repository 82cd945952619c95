import {
  type AttemptEntry,
  type AttemptSubject,
  createRunningAttempts,
  type Effect,
  isAttemptNews,
  isFinished,
  isLive,
  isQueuing,
  isRolloutNews,
  nextDeadline,
  type RolloutEntry,
  type RunningAttempts,
  type Transition,
  unreachable,
  workerAfter,
} from '@agl/store-kit'
import type { Rollout, RolloutStatus, Worker } from '@agl/types'
import { attemptBytes, countBytes, heapBytes, rolloutBytes, workerBytes } from './bytes.ts'
import { arm, setTimer } from './deadlines.ts'
import { emit } from './events.ts'
import { leaveWindow, settleShelf } from './pack.ts'
import { type AttemptRow, latestAttempt, type MemoryState, pinKey, type RolloutRow } from './state.ts'

/** What the state machine is told about an attempt. */
export function subjectOf(attempt: AttemptRow): AttemptSubject {
  const { rollout } = attempt
  return { rollout: rollout.entry, attempt: attempt.entry, isLatest: latestAttempt(rollout) === attempt }
}

/** Stores a new rollout. */
export function insertRollout(state: MemoryState, entry: RolloutEntry): RolloutRow {
  const row: RolloutRow = {
    entry,
    ordinal: state.nextOrdinal++,
    attempts: [],
    sequence: 0,
    arrivals: 0,
    lastSequence: -Infinity,
    isInOrder: true,
    spanCount: 0,
    recordBytes: 0,
    spanBytes: 0,
    ticket: null,
    retiredLink: null,
    withSpansLink: null,
  }
  const { rollout_id: id, status, priority } = entry.rollout
  state.rollouts.set(id, row)
  state.ordered.add(row)
  state.byStatus.get(status)!.add(row)
  if (isFinished(status)) row.retiredLink = state.retired.append(row)
  addRecordBytes(state, row, bytesOfRollout(entry.rollout))
  pin(state, entry.rollout, 1)
  if (isQueuing(status)) enqueue(state, row, priority)
  emit(state, () => ({ type: 'rollout', rollout: entry.rollout }))
  return row
}

function enqueue(state: MemoryState, row: RolloutRow, priority: number): void {
  row.ticket = state.queue.add(row, priority)
  state.hasNewWork = true
}

/** Moves a rollout that waits to the tail of its priority. */
export function requeueRow(state: MemoryState, row: RolloutRow): void {
  if (row.ticket !== null) state.queue.remove(row.ticket)
  enqueue(state, row, row.entry.rollout.priority)
}

/** Moves a finished rollout to the end of the finished ones. */
export function retireAnew(state: MemoryState, row: RolloutRow): void {
  retire(state, row, false)
  retire(state, row, true)
}

/** Writes a transition: all records first, then what follows from them. */
export function applyTransition(state: MemoryState, row: RolloutRow, transition: Transition, now: number): void {
  const before = row.entry.rollout
  const after = transition.rollout.rollout
  row.entry = transition.rollout
  for (const entry of transition.attempts) writeAttempt(state, row, entry)
  if (before !== after) followRollout(state, row, before)
  for (const effect of transition.effects) applyEffect(state, row, effect, now)
}

/** Brings the indexes in line with a changed record. */
function followRollout(state: MemoryState, row: RolloutRow, before: Rollout): void {
  const { rollout } = row.entry
  if (before.status !== rollout.status) moveStatus(state, row, before.status)
  if (before.input !== rollout.input || before.metadata !== rollout.metadata) {
    addRecordBytes(state, row, bytesOfRollout(rollout) - bytesOfRollout(before))
  }
  pin(state, before, -1)
  pin(state, rollout, 1)
  if (state.events.isActive && isRolloutNews(before, rollout)) emit(state, () => ({ type: 'rollout', rollout }))
}

function moveStatus(state: MemoryState, row: RolloutRow, before: RolloutStatus): void {
  const { status } = row.entry.rollout
  state.byStatus.get(before)!.delete(row)
  state.byStatus.get(status)!.add(row)
  if (row.retiredLink !== null) retire(state, row, false)
  if (isFinished(status)) retire(state, row, true)
}

/** Moves a rollout and its bytes to the end of the finished ones, or away from them. */
function retire(state: MemoryState, row: RolloutRow, isRetired: boolean): void {
  const bytes = row.recordBytes + row.spanBytes
  const sign = isRetired ? 1 : -1
  state.usage.finished += sign * bytes
  state.usage.unfinished -= sign * bytes
  if (isRetired) {
    row.retiredLink = state.retired.append(row)
    if (row.spanBytes > 0) row.withSpansLink = state.retiredWithSpans.append(row)
    if (state.retired.size === 1) setTimer(state)
    return
  }
  if (row.retiredLink !== null) state.retired.remove(row.retiredLink)
  if (row.withSpansLink !== null) state.retiredWithSpans.remove(row.withSpansLink)
  row.retiredLink = null
  row.withSpansLink = null
}

/** Counts an unfinished rollout in or out of what its version of resources is needed for. */
function pin(state: MemoryState, rollout: Rollout, change: 1 | -1): void {
  const { resources_id: id, resources_version: version, status } = rollout
  if (id === null || version === null || isFinished(status)) return
  const key = pinKey(id, version)
  const count = (state.pins.get(key) ?? 0) + change
  if (count === 0) state.pins.delete(key)
  else state.pins.set(key, count)
}

export function bytesOfRollout({ input, metadata, labels }: Rollout): number {
  return rolloutBytes + heapBytes(input) + heapBytes(metadata) + heapBytes(labels)
}

function addRecordBytes(state: MemoryState, row: RolloutRow, bytes: number): void {
  row.recordBytes += bytes
  // Not by its status: amid a transition that has changed, and the bytes have not moved yet.
  state.usage[row.retiredLink === null ? 'unfinished' : 'finished'] += bytes
}

function writeAttempt(state: MemoryState, rollout: RolloutRow, entry: AttemptEntry): void {
  const { attempt } = entry
  const known = state.attempts.get(attempt.attempt_id)
  const before = known?.entry.attempt
  const row: AttemptRow = known ?? {
    entry,
    rollout,
    spans: null,
    isGone: false,
    claimKey: null,
    packingLink: null,
    armedAt: null,
  }
  row.entry = entry
  if (known === undefined) {
    state.attempts.set(attempt.attempt_id, row)
    rollout.attempts.push(row)
    addRecordBytes(state, rollout, attemptBytes)
  }
  if (before !== undefined && before.metadata !== attempt.metadata) {
    addRecordBytes(state, rollout, heapBytes(attempt.metadata) - heapBytes(before.metadata))
  }
  const wasLive = before === undefined || isLive(before.status)
  if (wasLive && !isLive(attempt.status)) settleShelf(state, row)
  if (isLive(attempt.status)) leaveWindow(state, row)
  if (state.events.isActive && isAttemptNews(before, attempt)) emit(state, () => ({ type: 'attempt', attempt }))
  armAttempt(state, row)
}

/** Stores an attempt as it was. */
export function restoreAttempt(state: MemoryState, rollout: RolloutRow, entry: AttemptEntry): AttemptRow {
  writeAttempt(state, rollout, entry)
  return state.attempts.get(entry.attempt.attempt_id)!
}

/** Forgets an attempt; what was watched or run of it no longer is. */
export function dropAttempt(state: MemoryState, row: AttemptRow): void {
  const { attempt } = row.entry
  row.armedAt = null
  state.attempts.delete(attempt.attempt_id)
  // What it answered would keep a rollout in memory that retention has dropped.
  if (row.claimKey !== null && --row.claimKey.attempts === 0) state.keys.forget(row.claimKey.key)
  if (!isLive(attempt.status) || attempt.worker_id === null || attempt.worker_id === '') return
  const left = { kind: 'workerLeft', workerId: attempt.worker_id, attempt, isLost: false } as const
  followWorker(state, left, state.clock.now())
}

/** Watches the attempt's next deadline; needed after whatever may have brought that nearer. */
export function armAttempt(state: MemoryState, attempt: AttemptRow): void {
  if (isLive(attempt.entry.attempt.status)) {
    arm(state, attempt, nextDeadline(attempt.entry.attempt, attempt.rollout.entry.rollout))
  }
}

function applyEffect(state: MemoryState, row: RolloutRow, effect: Effect, now: number): void {
  const { rollout } = row.entry
  switch (effect.kind) {
    case 'enqueue':
      enqueue(state, row, rollout.priority)
      return
    case 'dequeue':
      if (row.ticket !== null) state.queue.remove(row.ticket)
      row.ticket = null
      return
    case 'finished':
      state.rolloutWaiters.finished(rollout.rollout_id)
      return
    case 'reopened':
      state.rolloutWaiters.reopened(rollout.rollout_id)
      return
    case 'settled': {
      const { attempt_id: attemptId, outcome } = effect.attempt
      state.logger.debug('attempt settled', { rolloutId: rollout.rollout_id, attemptId, outcome })
      return
    }
    case 'workerBusy':
    case 'workerLeft':
      followWorker(state, effect, now)
      return
    default:
      unreachable(effect)
  }
}

function followWorker(
  state: MemoryState,
  effect: Extract<Effect, { readonly kind: 'workerBusy' | 'workerLeft' }>,
  now: number,
): void {
  const known = state.workers.get(effect.workerId)
  const running = known?.running ?? createRunningAttempts()
  if (effect.kind === 'workerBusy') running.add(effect.attempt)
  else running.remove(effect.attempt.attempt_id)
  if (effect.kind === 'workerLeft' && known?.worker.capacity != null) state.hasNewWork = true
  putWorker(state, workerAfter(known?.worker, effect, running.last(), now), running)
}

/** Writes a worker's record. */
export function putWorker(
  state: MemoryState,
  worker: Worker,
  running: RunningAttempts = state.workers.get(worker.worker_id)?.running ?? createRunningAttempts(),
): void {
  const known = state.workers.get(worker.worker_id)
  const before = known?.worker.heartbeat_stats
  if (before !== worker.heartbeat_stats) countBytes(state, 'workers', heapBytes(worker.heartbeat_stats) - heapBytes(before))
  if (known !== undefined) {
    known.worker = worker
    return
  }
  state.workers.set(worker.worker_id, { worker, running })
  countBytes(state, 'workers', workerBytes)
  const { maxWorkerAgeSeconds } = state.retention
  if (maxWorkerAgeSeconds === null || state.workersLook !== Infinity) return
  state.workersLook = state.clock.now() + maxWorkerAgeSeconds
  setTimer(state)
}

export function dropWorker(state: MemoryState, workerId: string): void {
  const { worker } = state.workers.get(workerId)!
  countBytes(state, 'workers', -workerBytes - heapBytes(worker.heartbeat_stats))
  state.workers.delete(workerId)
}
