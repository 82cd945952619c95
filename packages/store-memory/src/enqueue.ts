import { claimRollout, createRollout, parseEnqueueRequest } from '@agl/store-kit'
import { AglError, type AttemptedRollout, type EnqueueRolloutRequest, type Rollout, type StartRolloutRequest } from '@agl/types'
import { applyTransition, insertRollout } from './apply.ts'
import { attemptBytes, heapBytes, rolloutBytes } from './bytes.ts'
import { reserve } from './reserve.ts'
import { historyOf } from './resources.ts'
import { latestAttempt, type MemoryState, newId, type RolloutRow, withAttempt } from './state.ts'

export function enqueueRollout(state: MemoryState, request: EnqueueRolloutRequest): Rollout {
  return enqueueParsed(state, [parseEnqueueRequest(request)])[0]!
}

export function enqueueManyRollouts(state: MemoryState, rollouts: readonly EnqueueRolloutRequest[]): readonly Rollout[] {
  const requests = rollouts.map((request, index) => parseEnqueueRequest(request, `rollouts[${index}]`))
  return enqueueParsed(state, requests)
}

/** All keys are checked, and there is room for all, before the first is stored. */
function enqueueParsed(state: MemoryState, requests: readonly EnqueueRolloutRequest[]): readonly Rollout[] {
  let addedBytes = 0
  for (const request of requests) {
    // A repeated call takes no room: a full store answers it too.
    if (findEarlier(state, request, 'enqueueRollout') === undefined) addedBytes += bytesOfRequest(request)
  }
  if (addedBytes > 0) reserve(state, addedBytes)
  return requests.map((request) => enqueueOne(state, request))
}

function enqueueOne(state: MemoryState, request: EnqueueRolloutRequest): Rollout {
  const now = state.clock.now()
  const row = findEarlier(state, request, 'enqueueRollout') ?? insertNew(state, request, 'queuing', now)
  return row.entry.rollout
}

export function startRollout(state: MemoryState, { rollout, workerId, leaseMs }: StartRolloutRequest): AttemptedRollout {
  const request = parseEnqueueRequest(rollout, 'rollout')
  const now = state.clock.now()
  const earlier = findEarlier(state, request, 'startRollout')
  if (earlier !== undefined) return answerEarlier(earlier)
  reserve(state, bytesOfRequest(request) + attemptBytes)
  const row = insertNew(state, request, 'preparing', now)
  const transition = claimRollout(row.entry, {
    attemptId: newId(state.ids.attemptId, state.attempts),
    attemptsSoFar: 0,
    workerId: workerId ?? null,
    leaseMs: leaseMs ?? null,
    isFromQueue: false,
    now,
  })
  applyTransition(state, row, transition, now)
  return withAttempt(row, latestAttempt(row)!)
}

/** A retried startRollout gets the attempt that the first one got; a rollout that only waits in the queue has none. */
function answerEarlier(row: RolloutRow): AttemptedRollout {
  const first = row.attempts[0]
  if (first !== undefined) return withAttempt(row, first)
  const { rollout_id: rolloutId } = row.entry.rollout
  throw new AglError({
    code: 'conflict',
    message: `Rollout ${rolloutId} is in the queue already; dequeue it, or call startAttempt to take it out of turn.`,
    data: { rolloutId },
  })
}

type Verb = 'enqueueRollout' | 'startRollout'

/** The rollout that an earlier call with the same chosen id or key made. */
function findEarlier(state: MemoryState, request: EnqueueRolloutRequest, verb: Verb): RolloutRow | undefined {
  const { rollout_id: id, idempotency_key: key } = request
  const known = key == null ? undefined : state.keys.find(verb, key)
  const byId = id == null ? undefined : state.rollouts.get(id)
  if (byId !== undefined && key != null && known === undefined) rememberKey(state, verb, key, byId)
  return byId ?? (known === undefined ? undefined : state.rollouts.get(known.answer as string))
}

function bytesOfRequest({ input, metadata, labels }: EnqueueRolloutRequest): number {
  return rolloutBytes + heapBytes(input) + heapBytes(metadata ?? null) + heapBytes(labels ?? null)
}

function insertNew(state: MemoryState, request: EnqueueRolloutRequest, status: 'queuing' | 'preparing', now: number): RolloutRow {
  const latest = state.latestResources
  const resourcesId = request.resources_id ?? latest?.resources_id ?? null
  const entry = createRollout({
    request,
    rolloutId: request.rollout_id ?? newId(state.ids.rolloutId, state.rollouts),
    resourcesId,
    resourcesVersion: request.resources_version ?? newestVersion(state, resourcesId),
    status,
    now,
  })
  const row = insertRollout(state, entry)
  const { idempotency_key: key } = entry.rollout
  if (key !== null) rememberKey(state, status === 'queuing' ? 'enqueueRollout' : 'startRollout', key, row)
  return row
}

function rememberKey(state: MemoryState, verb: Verb, key: string, row: RolloutRow): void {
  state.keys.remember({ verb, key, time: state.clock.now(), answer: row.entry.rollout.rollout_id })
}

/** The version that a rollout is pinned to; null for an unknown id, which its runner will report. */
export function newestVersion(state: MemoryState, resourcesId: string | null): number | null {
  if (resourcesId === null) return null
  return historyOf(state, resourcesId)?.newestVersion ?? null
}
