import type { Attempt, AttemptStatus, Rollout, RolloutStatus } from '@agl/types'

/*
 * The life of a rollout and of its attempts.
 *
 * Rollout
 *   queuing     waits for its first claim; in the queue.     → preparing (claim), running (a live attempt speaks), cancelled
 *   requeuing   waits for another try; in the queue.         → as queuing, and succeeded or failed when the attempt that
 *                                                              gave rise to it reports so before anybody claims again
 *   preparing   its latest attempt was claimed.              → running (first span or report), the ends below, requeuing
 *   running     its latest attempt shows life.               → succeeded, failed, requeuing, cancelled
 *   succeeded, failed, cancelled: finished, with `end_time`. → anything, but only by updateRollout or a new claim
 *                                                              (startAttempt), which clear `end_time`
 *
 * Attempt
 *   preparing, running          live: has a lease if the claim asked for one, no outcome.
 *                               → each other status, by report; running by span; timeout and unresponsive by sweep
 *   unresponsive                settled for now.  → running (span, heartbeat), or what its runner reports after all
 *   succeeded, failed, timeout  settled.          → another status only by report and only while the rollout is neither
 *                                                   finished nor put back to queuing by hand; never by span or heartbeat
 *   Settled by a cancel (outcome `cancelled`): nothing moves it any more.
 *
 * Who moves whom. Only the latest attempt moves the rollout, and only an unfinished one. An older attempt is superseded:
 * it may add spans and settle, for itself alone. The same ending status again changes nothing.
 *
 * Retries. failed, timeout and unresponsive lead to requeuing when the status is in `retry_condition`, or the outcome in
 * `retry_outcomes`, and fewer tries
 * than `max_attempts` were counted, else to failed. Two kinds of attempt do not count as a try: a released one, and a
 * lost claim, that is one with a lease which fell silent without ever having shown life (no span, heartbeat or report).
 * A lost claim is requeued whatever the policy, at most 5 times between two openings of the rollout; the next one fails
 * the rollout, with outcome `infra_error`. An uncounted attempt that comes back to life counts again.
 */

/** What a store keeps of an attempt beside its record; not on the wire. */
export interface AttemptNotes {
  /** Length of the lease the claim asked for or the last heartbeat set; null without a lease. */
  readonly leaseMs: number | null
  /** Whether a span, heartbeat or report has ever come. */
  readonly showedLife: boolean
  readonly hasReward: boolean
  /** Whether it ended without counting as a try. */
  readonly isUncounted: boolean
  /** Whether it is counted in {@link RolloutNotes.lostClaims}. */
  readonly isLostClaim: boolean
}

/** What a store keeps of a rollout beside its record; not on the wire. */
export interface RolloutNotes {
  /** Attempts that do not count as a try. */
  readonly uncountedAttempts: number
  /** Lost claims since the rollout was opened. */
  readonly lostClaims: number
}

export interface AttemptEntry {
  readonly attempt: Attempt
  readonly notes: AttemptNotes
}

export interface RolloutEntry {
  readonly rollout: Rollout
  readonly notes: RolloutNotes
}

/** An attempt that something happens to, and its rollout. */
export interface AttemptSubject {
  readonly rollout: RolloutEntry
  readonly attempt: AttemptEntry
  /** False for a superseded attempt. */
  readonly isLatest: boolean
}

/** What a store has to do beside writing the records of a {@link Transition}, in order. */
export type Effect =
  /** Put the rollout at the tail of its priority. */
  | { readonly kind: 'enqueue' }
  /** Take the rollout out of the queue. */
  | { readonly kind: 'dequeue' }
  /** The rollout is finished: wake who waits for it. */
  | { readonly kind: 'finished' }
  /** The rollout was finished and no longer is. */
  | { readonly kind: 'reopened' }
  /** The attempt was live and has an outcome now. */
  | { readonly kind: 'settled'; readonly attempt: Attempt }
  /** The worker runs this attempt; `isClaim` when it got it from the queue. */
  | { readonly kind: 'workerBusy'; readonly workerId: string; readonly attempt: Attempt; readonly isClaim: boolean }
  /** The worker no longer runs this attempt; `isLost` when nobody heard from it. */
  | { readonly kind: 'workerLeft'; readonly workerId: string; readonly attempt: Attempt; readonly isLost: boolean }

/** New records, to be written as one atomic step, and what follows from them. Untouched entries are the same objects. */
export interface Transition {
  readonly rollout: RolloutEntry
  /** The attempts that changed; empty when none did. */
  readonly attempts: readonly AttemptEntry[]
  readonly effects: readonly Effect[]
}

/** How often a lost claim is put back before the rollout fails. */
export const maxLostClaims = 5

export function isQueuing(status: RolloutStatus): boolean {
  return status === 'queuing' || status === 'requeuing'
}

export function isFinished(status: RolloutStatus): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled'
}

export function isLive(status: AttemptStatus): boolean {
  return status === 'preparing' || status === 'running'
}

/** Marks the branch of a switch that no value can reach. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${String(value)}`)
}
