import {
  heartbeatArrived,
  noAttemptsFound,
  pageOf,
  releaseAttempt as released,
  sortFields,
  type StopReason,
  updateAttempt as updated,
} from '@agl/store-kit'
import type {
  Attempt,
  AttemptUpdate,
  HeartbeatReply,
  HeartbeatRequest,
  LightningStore,
  Page,
  PageRequest,
  Rollout,
} from '@agl/types'
import { applyTransition } from './apply.ts'
import { jsonLength, reserveFor, trim } from './retention.ts'
import {
  type AttemptRow,
  attemptsOf,
  findAttempt,
  findRollout,
  findRolloutWithoutInput,
  getAttempt,
  getRolloutWithoutInput,
  latestAttempt,
  ordinalOf,
  type RolloutRow,
  subjectOf,
} from './rows.ts'
import type { Reading, Writing } from './state.ts'
import { beatWorker, reportCapacity } from './workers.ts'

/** Finds by id or `latest`. @throws AglError `not_found` */
function findByName(writing: Writing, rollout: RolloutRow, attemptId: string): AttemptRow {
  const latest = latestAttempt(writing, rollout.ordinal)
  if (latest === undefined) throw noAttemptsFound(rollout.entry.rollout.rollout_id)
  return attemptId === 'latest' ? latest : findAttempt(writing, rollout, attemptId)
}

export function updateAttempt(writing: Writing, update: AttemptUpdate): Attempt {
  const { rolloutId, attemptId, ...change } = update
  const rollout = findRolloutWithoutInput(writing, rolloutId)
  const row = findByName(writing, rollout, attemptId)
  const now = writing.state.clock.now()
  const transition = updated(subjectOf(writing, rollout, row), change, now)
  const grown = change.metadata === undefined ? 0 : jsonLength(change.metadata) - jsonLength(row.entry.attempt.metadata)
  reserveFor(writing, transition, grown)
  applyTransition(writing, rollout, [row], transition, now)
  if (grown > 0) trim(writing)
  return transition.attempts[0]?.attempt ?? row.entry.attempt
}

export function releaseAttempt(writing: Writing, request: Parameters<LightningStore['releaseAttempt']>[0]): Rollout {
  const rollout = findRollout(writing, request.rolloutId)
  const row = findAttempt(writing, rollout, request.attemptId)
  const now = writing.state.clock.now()
  const transition = released(subjectOf(writing, rollout, row), now)
  return applyTransition(writing, rollout, [row], transition, now).entry.rollout
}

export function heartbeat(writing: Writing, request: HeartbeatRequest): HeartbeatReply {
  const stopped: { rolloutId: string; attemptId: string; reason: StopReason }[] = []
  for (const { rolloutId, attemptId } of request.attempts ?? []) {
    const rollout = getRolloutWithoutInput(writing, rolloutId)
    const row = rollout === undefined ? undefined : getAttempt(writing, rollout.ordinal, attemptId)
    if (rollout === undefined || row === undefined) {
      stopped.push({ rolloutId, attemptId, reason: 'not_found' })
      continue
    }
    const now = writing.state.clock.now()
    const transition = heartbeatArrived(subjectOf(writing, rollout, row), { leaseMs: request.leaseMs ?? null, now })
    applyTransition(writing, rollout, [row], transition, now)
    if (transition.stop !== null) stopped.push({ rolloutId, attemptId, reason: transition.stop })
  }
  if (request.capacity !== undefined) reportCapacity(writing, request.workerId, request.capacity)
  return { worker: beatWorker(writing, request.workerId, request.stats), stopped }
}

export function queryAttempts(
  reading: Reading,
  query: PageRequest<keyof Attempt> & { readonly rolloutId: string },
): Page<Attempt> {
  const rollout = ordinalOf(reading, query.rolloutId)
  const attempts = rollout === undefined ? [] : attemptsOf(reading, rollout).map((row) => row.entry.attempt)
  return pageOf(attempts, null, query, sortFields.attempts)
}

export function getLatestAttempt(reading: Reading, rolloutId: string): Attempt | null {
  const rollout = ordinalOf(reading, rolloutId)
  const row = rollout === undefined ? undefined : latestAttempt(reading, rollout)
  return row?.entry.attempt ?? null
}
