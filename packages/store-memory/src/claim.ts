import { type ClaimRequest, claimRollout, workerFoundNothing, createRunningAttempts } from '@agl/store-kit'
import type { AttemptedRollout, DequeueRequest } from '@agl/types'
import { applyTransition } from './apply.ts'
import { findRollout, latestAttempt, type MemoryState, type RolloutRow, withAttempt } from './state.ts'

/** Claims up to `limit` rollouts, or waits for the first; a limit below 1 claims nothing. */
export function dequeue(
  state: MemoryState,
  request: DequeueRequest & { readonly limit: number },
): readonly AttemptedRollout[] | Promise<readonly AttemptedRollout[]> {
  const { signal, waitMs = 0, limit } = request
  signal?.throwIfAborted()
  const claim: ClaimRequest = { workerId: request.workerId ?? null, leaseMs: request.leaseMs ?? null, limit }
  const claimed = claimWaiting(state, claim)
  if (claimed.length > 0) return claimed
  findNothing(state, claim.workerId)
  return waitMs === 0 || limit <= 0 ? [] : state.claimWaiters.wait(claim, { waitMs, signal })
}

/** Hands waiting work to parked calls; to be called whenever something may have been queued. */
export function serveWaiters(state: MemoryState): void {
  if (state.queue.size === 0 || state.claimWaiters.size === 0) return
  state.claimWaiters.serve((request) => claimWaiting(state, request))
}

function claimWaiting(state: MemoryState, request: ClaimRequest): readonly AttemptedRollout[] {
  const claimed: AttemptedRollout[] = []
  while (claimed.length < request.limit) {
    const row = state.queue.take()
    if (row === undefined) break
    claimed.push(claimRow(state, row, { ...request, isFromQueue: true }))
  }
  return claimed
}

export function startAttempt(
  state: MemoryState,
  request: { readonly rolloutId: string; readonly workerId?: string | null; readonly leaseMs?: number },
): AttemptedRollout {
  const row = findRollout(state, request.rolloutId)
  return claimRow(state, row, { workerId: request.workerId ?? null, leaseMs: request.leaseMs ?? null, isFromQueue: false })
}

function claimRow(
  state: MemoryState,
  row: RolloutRow,
  claim: { readonly workerId: string | null; readonly leaseMs: number | null; readonly isFromQueue: boolean },
): AttemptedRollout {
  const now = state.clock.now()
  const transition = claimRollout(row.entry, {
    attemptId: state.ids.attemptId(),
    attemptsSoFar: row.attempts.length,
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
  const running = known?.running ?? createRunningAttempts()
  const worker = workerFoundNothing(known?.worker, workerId, running.size > 0, state.clock.now())
  if (known === undefined) state.workers.set(workerId, { worker, running })
  else known.worker = worker
}
