import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Attempt, AttemptedRollout, LightningStore, Rollout } from '@agl/types'
import type { ModelAttempt, ModelRollout } from './records.ts'
import type { Reference } from './reference.ts'

/** How far the store's clock may be from the model's: it moves a little with each reading. */
const toleranceSeconds = 0.05

/** The model's attempt takes the id that the store gave it. */
export function adopt(claimed: readonly AttemptedRollout[], expected: readonly ModelAttempt[]): readonly string[] {
  deepEqual(
    claimed.map((rollout) => [rollout.rollout_id, rollout.attempt.sequence_id]),
    expected.map((attempt) => [attempt.rollout.id, attempt.number]),
    'claimed rollouts',
  )
  for (const [index, attempt] of expected.entries()) attempt.id = claimed[index]!.attempt.attempt_id
  return expected.map((attempt) => attempt.id)
}

/** Holds the store against the model. */
export function createComparison(parts: {
  readonly store: LightningStore
  readonly model: Reference
  /** The time of the store at the model's zero is known, in epoch seconds: with the first record. */
  readonly onEpoch: (seconds: number) => void
}): { compare(): Promise<void>; drain(): Promise<void> } {
  const { store, model } = parts
  let epoch: number | null = null
  const rollouts = (): readonly ModelRollout[] => [...model.rollouts.values()]
  const attempts = (): readonly ModelAttempt[] => rollouts().flatMap((rollout) => rollout.attempts)

  /** The model takes over the store's digits of a moment after checking that it is the same moment. */
  const takeTime = (actual: number | null, expected: number | null, what: string): number | null => {
    if (actual === null || expected === null) {
      equal(actual, expected, what)
      return null
    }
    if (epoch === null) {
      epoch = actual - expected
      parts.onEpoch(epoch)
      return actual
    }
    ok(Math.abs(actual - expected) < toleranceSeconds, `${what}: expected ${expected}, got ${actual}`)
    return actual
  }

  const compareAttempt = (actual: Attempt, expected: ModelAttempt): void => {
    deepEqual(
      [actual.rollout_id, actual.attempt_id, actual.sequence_id, actual.status, actual.outcome, actual.worker_id],
      [expected.rollout.id, expected.id, expected.number, expected.status, expected.outcome, expected.worker],
      'attempt',
    )
    equal(actual.end_time !== null, expected.hasEnd, 'end_time of the attempt')
    deepEqual(actual.metadata, expected.metadata === null ? null : { value: expected.metadata }, 'metadata of the attempt')
    expected.start = takeTime(actual.start_time, expected.start, 'start_time')!
    expected.beat = takeTime(actual.last_heartbeat_time, expected.beat, 'last_heartbeat_time')
    expected.leaseEnd = takeTime(actual.lease_expires, expected.leaseEnd, 'lease_expires')
  }

  const compareRollout = async (actual: Rollout | AttemptedRollout, expected: ModelRollout): Promise<void> => {
    deepEqual([actual.rollout_id, actual.status, actual.priority], [expected.id, expected.status, expected.priority], 'rollout')
    equal(actual.end_time !== null, ['succeeded', 'failed', 'cancelled'].includes(expected.status), 'end_time of the rollout')
    const latest = expected.attempts.at(-1)
    if (latest === undefined) equal('attempt' in actual, false, 'a rollout without attempts shows none')
    else compareAttempt((actual as AttemptedRollout).attempt, latest)
    if (expected.attempts.length > 1) {
      const { items } = await store.queryAttempts({ rolloutId: expected.id })
      equal(items.length, expected.attempts.length, 'number of attempts')
      for (const [index, attempt] of expected.attempts.entries()) compareAttempt(items[index]!, attempt)
    }
  }

  const compare = async (): Promise<void> => {
    const expected = rollouts()
    const { items } = await store.queryRollouts()
    deepEqual(
      items.map((rollout) => rollout.rollout_id),
      expected.map((rollout) => rollout.id),
      'all rollouts',
    )
    for (const [index, rollout] of expected.entries()) await compareRollout(items[index]!, rollout)
    const waiting = await store.queryRollouts({ statusIn: ['queuing', 'requeuing'] })
    equal(waiting.total, model.queue().length, 'number of rollouts that wait')
    for (const actual of (await store.queryWorkers()).items) {
      const worker = model.workers.get(actual.worker_id)
      ok(worker !== undefined, `the worker ${actual.worker_id} is known`)
      if (worker.status === null) {
        ok(actual.status !== 'busy', 'a worker whose work was deleted is not busy')
        worker.status = actual.status
      }
      deepEqual([actual.status, actual.capacity], [worker.status, worker.capacity], `worker ${actual.worker_id}`)
      const own = attempts().filter((attempt) => attempt.worker === actual.worker_id)
      const running = own.filter((attempt) => attempt.status === 'preparing' || attempt.status === 'running')
      const isRight =
        actual.current_attempt_id === null ? running.length === 0 : running.some(({ id }) => id === actual.current_attempt_id)
      ok(isRight, `current attempt of ${actual.worker_id}`)
    }
  }

  /** At the end: the queue in its order, the spans, and the counts. */
  const drain = async (): Promise<void> => {
    for (const rollout of rollouts()) {
      const { items } = await store.querySpans({ rolloutId: rollout.id, sortBy: null })
      const ids = rollout.attempts.flatMap((attempt) => [...attempt.spans])
      deepEqual(items.map((span) => span.span_id).toSorted(), ids.toSorted(), 'spans')
      deepEqual(
        items.map((span) => span.sequence_id).toSorted((a, b) => a - b),
        ids.map((_, index) => index + 1),
        'sequence ids of spans',
      )
    }
    const statistics = await store.statistics()
    deepEqual(
      [statistics.total_rollouts, statistics.total_attempts, statistics.total_workers, statistics.total_spans],
      [
        model.rollouts.size,
        attempts().length,
        model.workers.size,
        attempts().reduce((sum, attempt) => sum + attempt.spans.size, 0),
      ],
      'statistics',
    )
    const claimed = await store.dequeueManyRollouts({ limit: 1000 })
    const seen = claimed.map((rollout) => rollout.rollout_id)
    adopt(claimed, model.dequeue(Infinity, null, { worker: null, leaseSeconds: null }, seen))
  }

  return { compare, drain }
}
