import { type ClaimRequest, claimRollout, drawFreeId, freeSlots, type WorkerLoad } from '@agl/store-kit'
import type { AttemptedRollout } from '@agl/types'
import { applyTransition } from './apply.ts'
import type { GatheringBatch } from './batch.ts'
import {
  findRollout,
  hasAttempt,
  lastAttemptNumber,
  readRollouts,
  rolloutColumns,
  rolloutTables,
  type RolloutRow,
  withAttempt,
} from './rows.ts'
import type { Reading, Writing } from './state.ts'
import { getWorker, runningCount } from './workers.ts'

/** What waits with the highest priority, and of that what came first. */
const nextInQueue = `
  SELECT ${rolloutColumns} FROM ${rolloutTables}
  WHERE queue_place IS NOT NULL ORDER BY priority DESC, queue_place LIMIT 1`

export function hasWork({ database }: Reading): boolean {
  return database.get('SELECT 1 FROM rollouts WHERE queue_place IS NOT NULL LIMIT 1') !== undefined
}

/** A claim that may be parked. */
export interface ParkedClaim extends ClaimRequest {
  /** What an earlier call with the same key was given. */
  readonly recall?: (writing: Writing) => readonly AttemptedRollout[] | undefined
  /** Remembers what this call is given. */
  readonly keep?: (writing: Writing, claimed: readonly AttemptedRollout[]) => void
}

/** Claims up to `limit` rollouts, and no more than the worker has free slots for. */
export function claimWaiting(writing: Writing, request: ParkedClaim): readonly AttemptedRollout[] {
  const { workerId, leaseMs } = request
  const limit = Math.min(request.limit, slotsOf(writing, workerId))
  const claimed: AttemptedRollout[] = []
  while (claimed.length < limit) {
    const [row] = readRollouts(writing.database.all(nextInQueue))
    if (row === undefined) break
    claimed.push(claimRow(writing, row, { workerId, leaseMs, isFromQueue: true }))
  }
  if (claimed.length > 0) request.keep?.(writing, claimed)
  return claimed
}

function slotsOf(reading: Reading, workerId: string | null): number {
  const worker = workerId === null ? undefined : getWorker(reading, workerId)
  return worker?.capacity == null ? Infinity : freeSlots(worker, runningCount(reading, worker.worker_id))
}

/** Hands waiting work to parked calls, within the transaction that claims it. */
export function serveWaiters(writing: Writing, batch: Pick<GatheringBatch, 'token'>): void {
  const { claimWaiters } = writing.state
  if (claimWaiters.size === 0 || !hasWork(writing)) return
  claimWaiters.serve(
    (request) => claimParked(writing, request).map((rollout) => ({ rollout, batch: batch.token })),
    (workerId) => loadOf(writing, workerId),
  )
}

/** The same call may wait in another process too, and have been served there. */
function claimParked(writing: Writing, request: ParkedClaim): readonly AttemptedRollout[] {
  const earlier = request.recall?.(writing) ?? []
  return earlier.length > 0 ? earlier : claimWaiting(writing, request)
}

function loadOf(reading: Reading, workerId: string): WorkerLoad | null {
  const capacity = getWorker(reading, workerId)?.capacity ?? null
  return capacity === null ? null : { running: runningCount(reading, workerId), capacity }
}

export function startAttempt(
  writing: Writing,
  request: { readonly rolloutId: string; readonly workerId?: string | null; readonly leaseMs?: number },
): AttemptedRollout {
  const row = findRollout(writing, request.rolloutId)
  return claimRow(writing, row, { workerId: request.workerId ?? null, leaseMs: request.leaseMs ?? null, isFromQueue: false })
}

export function claimRow(
  writing: Writing,
  row: RolloutRow,
  claim: {
    readonly workerId: string | null
    readonly leaseMs: number | null
    readonly isFromQueue: boolean
    readonly now?: number
  },
): AttemptedRollout {
  const { state } = writing
  const now = claim.now ?? state.clock.now()
  const transition = claimRollout(row.entry, {
    ...claim,
    attemptId: drawFreeId(state.ids.attemptId, (id) => hasAttempt(writing, id)),
    attemptsSoFar: lastAttemptNumber(writing, row.ordinal),
    now,
  })
  applyTransition(writing, row, [], transition, now)
  return withAttempt(transition.rollout.rollout, transition.claimed.attempt)
}
