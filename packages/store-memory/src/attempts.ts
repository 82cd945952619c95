import {
  heartbeatArrived,
  noAttemptsFound,
  pageOf,
  releaseAttempt as released,
  sortFields,
  type StopReason,
  updateAttempt as updated,
  workerBeat,
} from '@agl/store-kit'
import type {
  Attempt,
  AttemptUpdate,
  HeartbeatReply,
  HeartbeatRequest,
  JsonObject,
  LightningStore,
  Page,
  PageRequest,
  Rollout,
  Worker,
} from '@agl/types'
import { applyTransition, putWorker, subjectOf } from './apply.ts'
import { heapBytes } from './bytes.ts'
import { reportCapacity } from './claim.ts'
import { reserveFor, trim } from './reserve.ts'
import { type AttemptRow, findAttempt, findRollout, latestAttempt, type MemoryState } from './state.ts'

/** Finds by id or `latest`. @throws AglError `not_found` */
function findByName(state: MemoryState, rolloutId: string, attemptId: string): AttemptRow {
  const rollout = findRollout(state, rolloutId)
  const latest = latestAttempt(rollout)
  if (latest === undefined) throw noAttemptsFound(rolloutId)
  return attemptId === 'latest' ? latest : findAttempt(state, rollout, attemptId)
}

export function updateAttempt(state: MemoryState, update: AttemptUpdate): Attempt {
  const { rolloutId, attemptId, ...change } = update
  const row = findByName(state, rolloutId, attemptId)
  const now = state.clock.now()
  const transition = updated(subjectOf(row), change, now)
  const grown = change.metadata === undefined ? 0 : heapBytes(change.metadata) - heapBytes(row.entry.attempt.metadata)
  reserveFor(state, transition, grown)
  applyTransition(state, row.rollout, transition, now)
  if (grown > 0) trim(state)
  return row.entry.attempt
}

export function releaseAttempt(state: MemoryState, request: Parameters<LightningStore['releaseAttempt']>[0]): Rollout {
  const rollout = findRollout(state, request.rolloutId)
  const row = findAttempt(state, rollout, request.attemptId)
  const now = state.clock.now()
  applyTransition(state, rollout, released(subjectOf(row), now), now)
  return rollout.entry.rollout
}

export function heartbeat(state: MemoryState, request: HeartbeatRequest): HeartbeatReply {
  if (request.capacity !== undefined) reportCapacity(state, request.workerId, request.capacity)
  const stopped: { rolloutId: string; attemptId: string; reason: StopReason }[] = []
  for (const { rolloutId, attemptId } of request.attempts ?? []) {
    const row = state.attempts.get(attemptId)
    const rollout = state.rollouts.get(rolloutId)
    if (row === undefined || row.rollout !== rollout) {
      stopped.push({ rolloutId, attemptId, reason: 'not_found' })
      continue
    }
    const now = state.clock.now()
    const transition = heartbeatArrived(subjectOf(row), { leaseMs: request.leaseMs ?? null, now })
    applyTransition(state, rollout, transition, now)
    if (transition.stop !== null) stopped.push({ rolloutId, attemptId, reason: transition.stop })
  }
  return { worker: beatWorker(state, request.workerId, request.stats), stopped }
}

export function beatWorker(state: MemoryState, workerId: string, stats: JsonObject | undefined): Worker {
  const known = state.workers.get(workerId)
  const worker = workerBeat(known?.worker, workerId, stats, state.clock.now())
  putWorker(state, worker)
  return worker
}

export function queryAttempts(
  state: MemoryState,
  query: PageRequest<keyof Attempt> & { readonly rolloutId: string },
): Page<Attempt> {
  const attempts = state.rollouts.get(query.rolloutId)?.attempts ?? []
  return pageOf(
    attempts.map((row) => row.entry.attempt),
    null,
    query,
    sortFields.attempts,
  )
}

export function getLatestAttempt(state: MemoryState, rolloutId: string): Attempt | null {
  const row = state.rollouts.get(rolloutId)
  return (row === undefined ? undefined : latestAttempt(row))?.entry.attempt ?? null
}
