import { AglError, type Attempt, type AttemptOutcome, type AttemptStatus, type AttemptUpdate } from '@agl/types'
import { countAgain, endAttempt, followAttempt, pushWorkerEffect, reviveAttempt } from './moves.ts'
import {
  type AttemptEntry,
  type AttemptSubject,
  type Effect,
  isFinished,
  isLive,
  type Transition,
  unreachable,
} from './states.ts'

/** What is reported about an attempt; absent = left alone. */
export type AttemptChange = Omit<AttemptUpdate, 'rolloutId' | 'attemptId'>

/**
 * A report about an attempt. Worker, heartbeat time and metadata are always taken. The status is taken unless it is
 * the ending status the attempt has already, or the attempt was cancelled, or both it and its rollout have ended, or it had
 * ended when its rollout was put back to `queuing` by hand; the rollout follows if this is its latest attempt and it is not finished. A call that changes nothing is no error.
 * @throws AglError `invalid_argument` when the outcome does not go with the status
 */
export function updateAttempt(subject: AttemptSubject, change: AttemptChange, now: number): Transition {
  const outcome = checkOutcome(change)
  const effects: Effect[] = []
  const before = subject.attempt
  const entry = takeFields(before, change, effects)
  const { status } = change
  if (status === undefined || !takesStatus(subject, status)) {
    if (change.workerId !== undefined) pushWorkerEffect(entry.attempt, effects)
    return { rollout: subject.rollout, attempts: [entry], effects }
  }
  const counted = countAgain({ ...subject, attempt: entry })
  const moved = takeStatus(counted.attempt, status, outcome, now, effects)
  const mayMove = subject.isLatest && !isFinished(subject.rollout.rollout.status)
  const rollout = mayMove ? followAttempt(counted.rollout, moved, now, effects) : counted.rollout
  return { rollout, attempts: [moved], effects }
}

function takeFields(entry: AttemptEntry, change: AttemptChange, effects: Effect[]): AttemptEntry {
  const { attempt, notes } = entry
  const workerId = change.workerId ?? attempt.worker_id
  const isHandedOver = workerId !== attempt.worker_id && isLive(attempt.status)
  if (isHandedOver && attempt.worker_id !== null && attempt.worker_id !== '') {
    effects.push({ kind: 'workerLeft', workerId: attempt.worker_id, attempt, isLost: false })
  }
  const changed: Attempt = Object.freeze({
    ...attempt,
    worker_id: workerId,
    last_heartbeat_time: change.lastHeartbeatTime ?? attempt.last_heartbeat_time,
    metadata: change.metadata ?? attempt.metadata,
  })
  return { attempt: changed, notes: notes.showedLife ? notes : { ...notes, showedLife: true } }
}

function takesStatus({ rollout, attempt, isLatest }: AttemptSubject, status: AttemptStatus): boolean {
  const present = attempt.attempt
  if (present.outcome === 'cancelled') return false
  if (isLive(present.status)) return true
  if (present.status === status) return false
  if (present.status === 'unresponsive') return true
  const { status: reached } = rollout.rollout
  // Put back into the queue by hand, after this attempt had ended: it waits for the next one.
  const isReopened = isLatest && reached === 'queuing'
  return !isFinished(reached) && !isReopened
}

function takeStatus(
  entry: AttemptEntry,
  status: AttemptStatus,
  outcome: AttemptOutcome | undefined,
  now: number,
  effects: Effect[],
): AttemptEntry {
  switch (status) {
    case 'preparing':
    case 'running':
      return reviveAttempt(entry, status, now, effects)
    case 'succeeded': {
      const isScored = outcome === 'scored' || entry.notes.hasReward
      return endAttempt(entry, status, isScored ? 'scored' : 'completed', now, effects)
    }
    case 'failed':
      return endAttempt(entry, status, outcome ?? 'agent_error', now, effects)
    case 'timeout':
    case 'unresponsive':
      return endAttempt(entry, status, status, now, effects)
    default:
      return unreachable(status)
  }
}

/** The status that each outcome goes with. */
const statusOfOutcome: Readonly<Record<AttemptOutcome, AttemptStatus>> = {
  scored: 'succeeded',
  completed: 'succeeded',
  agent_error: 'failed',
  infra_error: 'failed',
  invalid: 'failed',
  cancelled: 'failed',
  timeout: 'timeout',
  unresponsive: 'unresponsive',
}

/** @throws AglError `invalid_argument` for an outcome that does not go with the status */
export function checkOutcome({ status, outcome }: Pick<AttemptChange, 'status' | 'outcome'>): AttemptOutcome | undefined {
  if (outcome === undefined || statusOfOutcome[outcome] === status) return outcome
  throw new AglError({
    code: 'invalid_argument',
    message: `The outcome "${outcome}" goes with the status "${statusOfOutcome[outcome]}"; got ${status === undefined ? 'no status' : `"${status}"`}.`,
    data: { outcome, status: status ?? null },
  })
}
