import type { Attempt, AttemptOutcome, AttemptStatus, RolloutStatus } from '@agl/types'
import {
  type AttemptEntry,
  type AttemptSubject,
  type Effect,
  isFinished,
  isLive,
  isQueuing,
  type RolloutEntry,
  unreachable,
} from './states.ts'

/* The moves that transitions are put together from. Each pushes its effects onto the list it is given. */

/** Puts a rollout into a status; nothing happens when it is there already. */
export function moveRollout(entry: RolloutEntry, status: RolloutStatus, now: number, effects: Effect[]): RolloutEntry {
  const before = entry.rollout.status
  if (before === status) return entry
  if (isQueuing(status) && !isQueuing(before)) effects.push({ kind: 'enqueue' })
  if (!isQueuing(status) && isQueuing(before)) effects.push({ kind: 'dequeue' })
  const isReopened = isFinished(before) && !isFinished(status)
  if (isReopened) effects.push({ kind: 'reopened' })
  if (isFinished(status) && !isFinished(before)) effects.push({ kind: 'finished' })
  return {
    rollout: Object.freeze({ ...entry.rollout, status, end_time: isFinished(status) ? now : null }),
    notes: isReopened ? { ...entry.notes, lostClaims: 0 } : entry.notes,
  }
}

/** Gives an attempt an ending status. */
export function endAttempt(
  entry: AttemptEntry,
  status: Exclude<AttemptStatus, 'preparing' | 'running'>,
  outcome: AttemptOutcome,
  now: number,
  effects: Effect[],
): AttemptEntry {
  const hasEndTime = status === 'succeeded' || status === 'failed'
  const attempt: Attempt = Object.freeze({
    ...entry.attempt,
    status,
    outcome,
    end_time: hasEndTime ? now : null,
    lease_expires: null,
  })
  if (isLive(entry.attempt.status)) effects.push({ kind: 'settled', attempt })
  pushWorkerEffect(attempt, effects)
  return { attempt, notes: entry.notes }
}

/** Makes an attempt live, with a fresh lease if it had ended and ever had one. */
export function reviveAttempt(
  entry: AttemptEntry,
  status: 'preparing' | 'running',
  now: number,
  effects: Effect[],
): AttemptEntry {
  const { leaseMs } = entry.notes
  const wasLive = isLive(entry.attempt.status)
  const lease = wasLive ? entry.attempt.lease_expires : leaseMs === null ? null : now + leaseMs / 1000
  const attempt: Attempt = Object.freeze({ ...entry.attempt, status, outcome: null, end_time: null, lease_expires: lease })
  pushWorkerEffect(attempt, effects)
  return { attempt, notes: entry.notes }
}

/** The rollout status that follows from the status of its latest attempt, with the retry policy. */
export function followAttempt(rollout: RolloutEntry, attempt: AttemptEntry, now: number, effects: Effect[]): RolloutEntry {
  const { status } = attempt.attempt
  switch (status) {
    case 'preparing':
    case 'running':
    case 'succeeded':
      return moveRollout(rollout, status, now, effects)
    case 'failed':
    case 'timeout':
    case 'unresponsive':
      return moveRollout(rollout, mayRetry(rollout, attempt.attempt) ? 'requeuing' : 'failed', now, effects)
    default:
      return unreachable(status)
  }
}

function mayRetry({ rollout, notes }: RolloutEntry, attempt: Attempt): boolean {
  const { config } = rollout
  const isRetried =
    config.retry_condition.includes(attempt.status) ||
    (attempt.outcome !== null && config.retry_outcomes.includes(attempt.outcome))
  return isRetried && attempt.sequence_id - notes.uncountedAttempts < config.max_attempts
}

/** Takes back that an attempt did not count as a try. */
export function countAgain(subject: AttemptSubject): AttemptSubject {
  const { rollout, attempt } = subject
  if (!attempt.notes.isUncounted) return subject
  // Of a superseded attempt the loss stays counted: it may be from before the rollout was opened again.
  const lost = attempt.notes.isLostClaim && subject.isLatest && rollout.notes.lostClaims > 0 ? 1 : 0
  return {
    rollout: {
      rollout: rollout.rollout,
      notes: { uncountedAttempts: rollout.notes.uncountedAttempts - 1, lostClaims: rollout.notes.lostClaims - lost },
    },
    attempt: { attempt: attempt.attempt, notes: { ...attempt.notes, isUncounted: false, isLostClaim: false } },
    isLatest: subject.isLatest,
  }
}

/** Says what an attempt's status means for the worker that has it. A worker id of "" is kept but names nobody. */
export function pushWorkerEffect(attempt: Attempt, effects: Effect[]): void {
  const workerId = attempt.worker_id
  if (workerId === null || workerId === '') return
  if (isLive(attempt.status)) {
    effects.push({ kind: 'workerBusy', workerId, attempt, isClaim: false })
  } else {
    const isLost = attempt.status === 'timeout' || attempt.status === 'unresponsive'
    effects.push({ kind: 'workerLeft', workerId, attempt, isLost })
  }
}
