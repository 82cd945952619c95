import type { Attempt, JsonObject, Worker } from '@agl/types'
import { type Effect, isLive } from './state-machine/index.ts'

/*
 * What writes to a worker's record.
 *
 *   claim from the queue     last_dequeue_time, and as below
 *   live attempt             status busy, last_busy_time, current_* = that attempt
 *   claim that found nothing last_dequeue_time; idle and last_idle_time when it runs nothing and was not idle before
 *   an attempt left it       if it still runs others: busy, current_* = the one claimed last of these
 *                            else current_* = null, last_idle_time, and idle, or unknown when the attempt was lost
 *   heartbeat                last_heartbeat_time, heartbeat_stats
 *   claim or heartbeat that says it  capacity
 */

function createWorker(workerId: string): Worker {
  return {
    worker_id: workerId,
    status: 'unknown',
    heartbeat_stats: null,
    last_heartbeat_time: null,
    last_dequeue_time: null,
    last_busy_time: null,
    last_idle_time: null,
    current_rollout_id: null,
    current_attempt_id: null,
    capacity: null,
  }
}

/** It said how many rollouts it runs at a time; makes the worker if there is none. */
export function workerReportsCapacity(worker: Worker | undefined, workerId: string, capacity: number): Worker {
  if (worker?.capacity === capacity) return worker
  return Object.freeze({ ...(worker ?? createWorker(workerId)), capacity })
}

/** How many more rollouts a worker may be given; Infinity where it did not say. */
export function freeSlots(worker: Pick<Worker, 'capacity'> | undefined, running: number): number {
  return worker?.capacity == null ? Infinity : Math.max(0, worker.capacity - running)
}

/** A heartbeat; makes the worker if there is none. @param stats undefined leaves the last ones */
export function workerBeat(worker: Worker | undefined, workerId: string, stats: JsonObject | undefined, now: number): Worker {
  const known = worker ?? createWorker(workerId)
  return Object.freeze({ ...known, last_heartbeat_time: now, heartbeat_stats: stats ?? known.heartbeat_stats })
}

/** It asked for work and there was none. @param isRunning whether it still runs other attempts */
export function workerFoundNothing(worker: Worker | undefined, workerId: string, isRunning: boolean, now: number): Worker {
  const known = worker ?? createWorker(workerId)
  if (isRunning || known.status === 'idle') return Object.freeze({ ...known, last_dequeue_time: now })
  return Object.freeze({
    ...known,
    status: 'idle',
    last_dequeue_time: now,
    last_idle_time: now,
    current_rollout_id: null,
    current_attempt_id: null,
  })
}

/**
 * Follows a `workerBusy` or `workerLeft` effect.
 * @param running of the attempts that the worker still runs after the effect, the one it got last; null for none
 */
export function workerAfter(
  worker: Worker | undefined,
  effect: Extract<Effect, { readonly kind: 'workerBusy' | 'workerLeft' }>,
  running: Pick<Attempt, 'rollout_id' | 'attempt_id'> | null,
  now: number,
): Worker {
  const known = worker ?? createWorker(effect.workerId)
  const current = {
    current_rollout_id: running?.rollout_id ?? null,
    current_attempt_id: running?.attempt_id ?? null,
  }
  if (effect.kind === 'workerBusy') {
    const dequeueTime = effect.isClaim ? now : known.last_dequeue_time
    return Object.freeze({ ...known, ...current, status: 'busy', last_busy_time: now, last_dequeue_time: dequeueTime })
  }
  if (running !== null) return Object.freeze({ ...known, ...current, status: 'busy' })
  return Object.freeze({ ...known, ...current, status: effect.isLost ? 'unknown' : 'idle', last_idle_time: now })
}

/**
 * The live attempts of one worker, most recent last, with every operation in amortised constant time. Mutable: for
 * stores that keep their state in memory.
 */
export interface RunningAttempts {
  /** Adds a live attempt at the end, or moves it there. */
  add(attempt: Attempt): void
  remove(attemptId: string): void
  last(): Attempt | null
  readonly size: number
}

export function createRunningAttempts(): RunningAttempts {
  const running = new Map<string, Attempt>()
  // Ids in the order of their last add, with stale ones that are dropped when they come to the top or outnumber the rest.
  let order: string[] = []
  return {
    add(attempt) {
      running.delete(attempt.attempt_id)
      if (!isLive(attempt.status)) return
      running.set(attempt.attempt_id, attempt)
      order.push(attempt.attempt_id)
      if (order.length > 2 * running.size + 16) order = [...running.keys()]
    },
    remove(attemptId) {
      running.delete(attemptId)
    },
    last() {
      while (order.length > 0) {
        const attempt = running.get(order.at(-1)!)
        if (attempt !== undefined) return attempt
        order.pop()
      }
      return null
    },
    get size() {
      return running.size
    },
  }
}
