import { claimRollout, createRollout, parseEnqueueRequest } from '@agl/store-kit'
import { AglError, type AttemptedRollout, type EnqueueRolloutRequest, type Rollout, type StartRolloutRequest } from '@agl/types'
import { applyTransition, insertRollout } from './apply.ts'
import { latestAttempt, type MemoryState, type RolloutRow, withAttempt } from './state.ts'

/** How long an idempotency key answers the rollout of its first call, in seconds. */
const keyLifetime = 600

export function enqueueRollout(state: MemoryState, request: EnqueueRolloutRequest): Rollout {
  return enqueueOne(state, parseEnqueueRequest(request))
}

export function enqueueManyRollouts(state: MemoryState, rollouts: readonly EnqueueRolloutRequest[]): readonly Rollout[] {
  // All are checked before the first is stored.
  const requests = rollouts.map(parseEnqueueRequest)
  return requests.map((request) => enqueueOne(state, request))
}

function enqueueOne(state: MemoryState, request: EnqueueRolloutRequest): Rollout {
  const now = state.clock.now()
  const row = findEarlier(state, request, now) ?? insertNew(state, request, 'queuing', now)
  return row.entry.rollout
}

export function startRollout(state: MemoryState, { rollout, workerId, leaseMs }: StartRolloutRequest): AttemptedRollout {
  const request = parseEnqueueRequest(rollout)
  const now = state.clock.now()
  const earlier = findEarlier(state, request, now)
  if (earlier !== undefined) return answerEarlier(earlier)
  const row = insertNew(state, request, 'preparing', now)
  const transition = claimRollout(row.entry, {
    attemptId: state.ids.attemptId(),
    attemptsSoFar: 0,
    workerId: workerId ?? null,
    leaseMs: leaseMs ?? null,
    isFromQueue: false,
    now,
  })
  applyTransition(state, row, transition, now)
  return withAttempt(row, latestAttempt(row)!)
}

/** A retried startRollout gets what the first one got; a rollout that only waits in the queue cannot be answered. */
function answerEarlier(row: RolloutRow): AttemptedRollout {
  const latest = latestAttempt(row)
  if (latest !== undefined) return withAttempt(row, latest)
  const { rollout_id: rolloutId } = row.entry.rollout
  throw new AglError({
    code: 'conflict',
    message: `Rollout ${rolloutId} is in the queue already; dequeue it, or call startAttempt to take it out of turn.`,
    data: { rolloutId },
  })
}

/** The rollout that an earlier call with the same chosen id or key made. */
function findEarlier(state: MemoryState, request: EnqueueRolloutRequest, now: number): RolloutRow | undefined {
  forgetOldKeys(state, now)
  const byId = request.rollout_id == null ? undefined : state.rollouts.get(request.rollout_id)
  if (byId !== undefined || request.idempotency_key == null) return byId
  const key = state.keys.get(request.idempotency_key)
  return key === undefined ? undefined : state.rollouts.get(key.rolloutId)
}

function forgetOldKeys(state: MemoryState, now: number): void {
  for (const [key, { at }] of state.keys) {
    if (now - at <= keyLifetime) return
    state.keys.delete(key)
  }
}

function insertNew(state: MemoryState, request: EnqueueRolloutRequest, status: 'queuing' | 'preparing', now: number): RolloutRow {
  const latest = state.latestResources
  const resourcesId = request.resources_id ?? latest?.resources_id ?? null
  const entry = createRollout({
    request,
    rolloutId: request.rollout_id ?? state.ids.rolloutId(),
    resourcesId,
    resourcesVersion: request.resources_version ?? newestVersion(state, resourcesId),
    status,
    now,
  })
  const row = insertRollout(state, entry)
  const { rollout_id: rolloutId, idempotency_key: key } = entry.rollout
  if (key !== null) state.keys.set(key, { rolloutId, at: now })
  return row
}

/** The version that a rollout is pinned to; null for an unknown id, which its runner will report. */
export function newestVersion(state: MemoryState, resourcesId: string | null): number | null {
  if (resourcesId === null) return null
  return state.resources.get(resourcesId)?.at(-1)?.version ?? null
}
