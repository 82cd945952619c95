import type { JsonValue, RolloutMode, Span } from '@agl/types'
import { randomBytes } from 'node:crypto'

/*
 * The least that a store in memory can cost: Maps, and records that are replaced as a whole. It checks nothing, has no
 * limits, retries, retention or indexes, and no method is async. What a real store adds is measured against this.
 */

export interface BareRollout {
  readonly rollout_id: string
  readonly input: JsonValue
  readonly start_time: number
  readonly end_time: number | null
  readonly mode: RolloutMode | null
  readonly resources_id: string | null
  readonly status: BareStatus
  readonly config: {
    readonly timeout_seconds: number | null
    readonly unresponsive_seconds: number | null
    readonly max_attempts: number
    readonly retry_condition: readonly string[]
  }
  readonly metadata: Readonly<Record<string, JsonValue>>
}

export interface BareAttempt {
  readonly rollout_id: string
  readonly attempt_id: string
  readonly sequence_id: number
  readonly start_time: number
  readonly end_time: number | null
  readonly status: BareStatus
  readonly worker_id: string
  readonly last_heartbeat_time: number | null
  readonly metadata: null
}

interface BareWorker {
  readonly worker_id: string
  readonly status: 'busy' | 'idle'
  readonly current_rollout_id: string | null
  readonly current_attempt_id: string | null
  readonly last_dequeue_time: number
}

type BareStatus = 'queuing' | 'preparing' | 'running' | 'succeeded'

export interface MapStore {
  enqueue(input: JsonValue, mode: RolloutMode): BareRollout
  dequeue(workerId: string): (BareRollout & { readonly attempt: BareAttempt }) | null
  nextSequenceId(rolloutId: string, attemptId: string): number
  addSpan(span: Span): Span
  succeed(rolloutId: string, attemptId: string): BareAttempt
  /** Calls back when the rollout is finished. */
  onFinished(rolloutId: string, callback: (rollout: BareRollout) => void): void
}

/** @param options.isFrozen freezes what comes in, to its depths, as a store must that hands out what it holds */
export function createMapStore({ isFrozen }: { readonly isFrozen: boolean }): MapStore {
  const rollouts = new Map<string, BareRollout>()
  const attempts = new Map<string, BareAttempt[]>()
  const spans = new Map<string, Map<string, Map<string, Span>>>()
  const sequences = new Map<string, number>()
  const workers = new Map<string, BareWorker>()
  const running = new Set<string>()
  const waiting = new Map<string, ((rollout: BareRollout) => void)[]>()
  const counts: Record<BareStatus, number> = { queuing: 0, preparing: 0, running: 0, succeeded: 0 }
  const randomHex = createRandomHex()
  let queue: string[] = []
  let head = 0

  const accept = <Value>(value: Value): Value => (isFrozen ? deepFreeze(value) : value)

  const change = (rollout: BareRollout, status: BareStatus, endTime: number | null): BareRollout => {
    const next: BareRollout = { ...rollout, status, end_time: endTime }
    counts[rollout.status]--
    counts[status]++
    rollouts.set(rollout.rollout_id, next)
    return next
  }

  return {
    enqueue(input, mode) {
      const rollout: BareRollout = {
        rollout_id: `ro-${randomHex(6)}`,
        input: accept(input),
        start_time: Date.now() / 1000,
        end_time: null,
        mode,
        resources_id: null,
        status: 'queuing',
        config: { timeout_seconds: null, unresponsive_seconds: null, max_attempts: 1, retry_condition: [] },
        metadata: {},
      }
      rollouts.set(rollout.rollout_id, rollout)
      queue.push(rollout.rollout_id)
      counts.queuing++
      return rollout
    },
    dequeue(workerId) {
      while (head < queue.length) {
        const id = queue[head++]!
        if (head > 4096 && head * 2 > queue.length) {
          queue = queue.slice(head)
          head = 0
        }
        const rollout = rollouts.get(id)!
        if (rollout.status !== 'queuing') continue
        const tries = attempts.get(id) ?? []
        const attempt: BareAttempt = {
          rollout_id: id,
          attempt_id: `at-${randomHex(4)}`,
          sequence_id: tries.length + 1,
          start_time: Date.now() / 1000,
          end_time: null,
          status: 'preparing',
          worker_id: workerId,
          last_heartbeat_time: null,
          metadata: null,
        }
        tries.push(attempt)
        attempts.set(id, tries)
        const claimed = change(rollout, 'preparing', null)
        running.add(id)
        workers.set(workerId, {
          worker_id: workerId,
          status: 'busy',
          current_rollout_id: id,
          current_attempt_id: attempt.attempt_id,
          last_dequeue_time: attempt.start_time,
        })
        return { ...claimed, attempt }
      }
      return null
    },
    nextSequenceId(rolloutId, attemptId) {
      const key = rolloutId + attemptId
      const next = (sequences.get(key) ?? 0) + 1
      sequences.set(key, next)
      return next
    },
    addSpan(given) {
      const span = accept(given)
      const { rollout_id: rolloutId, attempt_id: attemptId } = span
      let byAttempt = spans.get(rolloutId)
      if (byAttempt === undefined) spans.set(rolloutId, (byAttempt = new Map()))
      let byId = byAttempt.get(attemptId)
      if (byId === undefined) byAttempt.set(attemptId, (byId = new Map()))
      byId.set(span.span_id, span)
      const tries = attempts.get(rolloutId)!
      const last = tries.length - 1
      const attempt = tries[last]!
      if (attempt.attempt_id === attemptId) {
        const isFirst = attempt.status === 'preparing'
        tries[last] = { ...attempt, last_heartbeat_time: Date.now() / 1000, status: isFirst ? 'running' : attempt.status }
        if (isFirst) change(rollouts.get(rolloutId)!, 'running', null)
      }
      return span
    },
    succeed(rolloutId, attemptId) {
      const tries = attempts.get(rolloutId)!
      const index = tries.findIndex((attempt) => attempt.attempt_id === attemptId)
      const now = Date.now() / 1000
      const attempt: BareAttempt = { ...tries[index]!, status: 'succeeded', end_time: now }
      tries[index] = attempt
      const rollout = change(rollouts.get(rolloutId)!, 'succeeded', now)
      running.delete(rolloutId)
      const callbacks = waiting.get(rolloutId)
      if (callbacks !== undefined) {
        waiting.delete(rolloutId)
        for (const callback of callbacks) callback(rollout)
      }
      const worker = workers.get(attempt.worker_id)!
      workers.set(attempt.worker_id, { ...worker, status: 'idle', current_rollout_id: null, current_attempt_id: null })
      return attempt
    },
    onFinished(rolloutId, callback) {
      const callbacks = waiting.get(rolloutId)
      if (callbacks === undefined) waiting.set(rolloutId, [callback])
      else callbacks.push(callback)
    },
  }
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const key in value) deepFreeze(value[key])
  }
  return value
}

/** Bits are drawn by the page: one call of the system's source per id costs more than the store itself. */
function createRandomHex(): (bytes: number) => string {
  const page = 4096
  let pool = randomBytes(page)
  let offset = 0
  return (bytes) => {
    if (offset + bytes > page) {
      pool = randomBytes(page)
      offset = 0
    }
    offset += bytes
    return pool.toString('hex', offset - bytes, offset)
  }
}
