import {
  type ClaimRequest,
  claimRollout,
  freeSlots,
  type WorkerLoad,
  workerFoundNothing,
  workerReportsCapacity,
} from '@agl/store-kit'
import { AglError, type AttemptedRollout, type DequeueRequest, type Idempotent } from '@agl/types'
import { applyTransition, putWorker } from './apply.ts'
import { type ClaimKey, findRollout, latestAttempt, type MemoryState, newId, type RolloutRow, withAttempt } from './state.ts'

/** Claims up to `limit` rollouts, or waits for the first; a limit below 1 claims nothing. */
export function dequeue(
  state: MemoryState,
  request: DequeueRequest & { readonly limit: number },
): readonly AttemptedRollout[] | Promise<readonly AttemptedRollout[]> {
  const { signal, waitMs = 0, limit, idempotencyKey: key } = request
  signal?.throwIfAborted()
  if (request.capacity !== undefined) reportCapacity(state, request.workerId ?? '', request.capacity)
  const claim: ClaimRequest = { workerId: request.workerId ?? null, leaseMs: request.leaseMs ?? null, limit }
  const claimed = claimWaiting(state, claim)
  if (claimed.length > 0) return noteKey(state, key, claimed)
  findNothing(state, claim.workerId)
  if (waitMs === 0 || limit <= 0) return []
  const waiting = state.claimWaiters.wait(claim, { waitMs, signal })
  return key === undefined ? waiting : waiting.then((given) => noteKey(state, key, given))
}

/** Has the key forgotten when nothing is left of what it answered. */
function noteKey(state: MemoryState, key: string | undefined, claimed: readonly AttemptedRollout[]): readonly AttemptedRollout[] {
  if (key === undefined || claimed.length === 0) return claimed
  const rows = claimed.flatMap(({ attempt }) => state.attempts.get(attempt.attempt_id) ?? [])
  const claimKey: ClaimKey = { key, attempts: rows.length }
  for (const row of rows) row.claimKey = claimKey
  return claimed
}

/** Hands waiting work to parked calls; to be called whenever something may have been queued. */
export function serveWaiters(state: MemoryState): void {
  if (!state.hasNewWork) return
  state.hasNewWork = false
  if (state.queue.size === 0 || state.claimWaiters.size === 0) return
  state.claimWaiters.serve(
    (request) => claimWaiting(state, request),
    (workerId) => loadOf(state, workerId),
  )
}

function claimWaiting(state: MemoryState, request: ClaimRequest): readonly AttemptedRollout[] {
  const claimed: AttemptedRollout[] = []
  const limit = Math.min(request.limit, freeSlotsOf(state, request.workerId))
  while (claimed.length < limit) {
    const row = state.queue.take()
    if (row === undefined) break
    claimed.push(claimRow(state, row, { ...request, isFromQueue: true }))
  }
  return claimed
}

export function startAttempt(
  state: MemoryState,
  request: Idempotent & { readonly rolloutId: string; readonly workerId?: string | null; readonly leaseMs?: number },
): AttemptedRollout {
  const row = findRollout(state, request.rolloutId)
  const claim = { workerId: request.workerId ?? null, leaseMs: request.leaseMs ?? null, isFromQueue: false }
  const started = claimRow(state, row, claim)
  noteKey(state, request.idempotencyKey, [started])
  return started
}

function claimRow(
  state: MemoryState,
  row: RolloutRow,
  claim: { readonly workerId: string | null; readonly leaseMs: number | null; readonly isFromQueue: boolean },
): AttemptedRollout {
  const now = state.clock.now()
  const transition = claimRollout(row.entry, {
    attemptId: newId(state.ids.attemptId, state.attempts),
    attemptsSoFar: latestAttempt(row)?.entry.attempt.sequence_id ?? 0,
    workerId: claim.workerId,
    leaseMs: claim.leaseMs,
    isFromQueue: claim.isFromQueue,
    now,
  })
  applyTransition(state, row, transition, now)
  return withAttempt(row, latestAttempt(row)!)
}

function findNothing(state: MemoryState, workerId: string | null): void {
  if (workerId === null || workerId === '') return
  const known = state.workers.get(workerId)
  const isRunning = known !== undefined && known.running.size > 0
  putWorker(state, workerFoundNothing(known?.worker, workerId, isRunning, state.clock.now()))
}

function freeSlotsOf(state: MemoryState, workerId: string | null): number {
  const known = workerId === null ? undefined : state.workers.get(workerId)
  return known === undefined ? Infinity : freeSlots(known.worker, known.running.size)
}

function loadOf(state: MemoryState, workerId: string): WorkerLoad | null {
  const known = state.workers.get(workerId)
  return known?.worker.capacity == null ? null : { running: known.running.size, capacity: known.worker.capacity }
}

/** @throws AglError `invalid_argument` for a worker without an id, whose attempts cannot be counted */
export function reportCapacity(state: MemoryState, workerId: string, capacity: number): void {
  if (workerId === '') {
    throw new AglError({
      code: 'invalid_argument',
      message: 'Expected a workerId beside `capacity`: the attempts of a worker without an id cannot be counted.',
    })
  }
  const known = state.workers.get(workerId)?.worker
  const worker = workerReportsCapacity(known, workerId, capacity)
  if (worker === known) return
  putWorker(state, worker)
  state.hasNewWork = true
}
