import {
  type AttemptSubject,
  createRunningAttempts,
  type Effect,
  isLive,
  isQueuing,
  nextDeadline,
  type RolloutEntry,
  type Transition,
  unreachable,
  workerAfter,
} from '@agl/store-kit'
import { arm } from './deadlines.ts'
import { type AttemptRow, latestAttempt, type MemoryState, type RolloutRow } from './state.ts'

/** What the state machine is told about an attempt. */
export function subjectOf(attempt: AttemptRow): AttemptSubject {
  const { rollout } = attempt
  return { rollout: rollout.entry, attempt: attempt.entry, isLatest: latestAttempt(rollout) === attempt }
}

/** Stores a new rollout. */
export function insertRollout(state: MemoryState, entry: RolloutEntry): RolloutRow {
  const row: RolloutRow = { entry, ordinal: state.rollouts.size, attempts: [], spans: [], sequence: 0, ticket: null }
  const { rollout_id: id, status, priority } = entry.rollout
  state.rollouts.set(id, row)
  state.byStatus.get(status)!.add(row)
  if (isQueuing(status)) row.ticket = state.queue.add(row, priority)
  return row
}

/** Writes a transition: all records first, then what follows from them. */
export function applyTransition(state: MemoryState, row: RolloutRow, transition: Transition, now: number): void {
  const before = row.entry.rollout.status
  const after = transition.rollout.rollout.status
  row.entry = transition.rollout
  if (before !== after) {
    state.byStatus.get(before)!.delete(row)
    state.byStatus.get(after)!.add(row)
  }
  for (const entry of transition.attempts) {
    const id = entry.attempt.attempt_id
    const known = state.attempts.get(id)
    const attempt: AttemptRow = known ?? { entry, rollout: row, spans: new Map(), armedAt: null }
    if (known === undefined) {
      state.attempts.set(id, attempt)
      row.attempts.push(attempt)
    } else {
      known.entry = entry
    }
    armAttempt(state, attempt)
  }
  for (const effect of transition.effects) applyEffect(state, row, effect, now)
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
      row.ticket = state.queue.add(row, rollout.priority)
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
  const worker = workerAfter(known?.worker, effect, running.last(), now)
  if (known === undefined) state.workers.set(effect.workerId, { worker, running })
  else known.worker = worker
}
