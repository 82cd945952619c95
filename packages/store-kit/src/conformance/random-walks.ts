import type { Attempt, LightningStore, Rollout } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../ids.ts'
import { isLive, isQueuing } from '../state-machine/index.ts'
import { type Harness, spanOf, type StoreUnderTest } from './harness.ts'

const workerIds = ['w1', 'w2', 'w3'] as const
const attemptStatuses = ['preparing', 'running', 'failed', 'succeeded', 'unresponsive', 'timeout'] as const
const rolloutStatuses = ['queuing', 'requeuing', 'running', 'failed', 'succeeded', 'cancelled'] as const
const config = {
  timeout_seconds: 20,
  unresponsive_seconds: 8,
  max_attempts: 3,
  retry_condition: ['failed', 'timeout', 'unresponsive'],
} as const

/** One step chosen by chance, on a rollout and an attempt chosen by chance. */
async function step({ store, advance }: StoreUnderTest, below: (limit: number) => number): Promise<void> {
  const oneOf = <Item>(items: readonly Item[]): Item => items[below(items.length)]!
  const rollouts = (await store.queryRollouts()).items
  const workerId = oneOf(workerIds)
  const lease = below(2) === 0 ? {} : { leaseMs: 5000 }
  if (rollouts.length === 0 || below(6) === 0) {
    await store.enqueueRollout({ input: 1, config, priority: below(3) })
    return
  }
  const rollout = oneOf(rollouts)
  const rolloutId = rollout.rollout_id
  const attempts = (await store.queryAttempts({ rolloutId })).items
  if (attempts.length === 0 || below(4) === 0) {
    await store.dequeueManyRollouts({ limit: 1 + below(2), workerId, ...lease })
    return
  }
  const attempt = oneOf(attempts)
  const key = { rolloutId, attemptId: attempt.attempt_id }
  const steps: readonly (() => unknown)[] = [
    () => store.addSpan(spanOf({ ...rollout, attempt })),
    () => store.updateAttempt({ ...key, status: oneOf(attemptStatuses) }),
    () => store.updateAttempt({ ...key, workerId }),
    () => store.heartbeat({ workerId, attempts: [key] }),
    () => store.releaseAttempt(key),
    () => store.startAttempt({ rolloutId, workerId, ...lease }),
    () => store.updateRollout({ rolloutId, status: oneOf(rolloutStatuses) }),
    () => store.cancelRollouts({ rolloutIds: [rolloutId] }),
    () => advance(below(6000)),
  ]
  await oneOf(steps)()
}

/** What each worker runs, as the attempts say. */
function runningOf(attempts: readonly Attempt[], workerId: string): readonly string[] {
  return attempts
    .filter((attempt) => attempt.worker_id === workerId && isLive(attempt.status))
    .map((attempt) => attempt.attempt_id)
}

async function checkWorkers(store: LightningStore, rollouts: readonly Rollout[]): Promise<void> {
  const pages = await Promise.all(rollouts.map(({ rollout_id: rolloutId }) => store.queryAttempts({ rolloutId })))
  const attempts = pages.flatMap((page) => page.items)
  for (const worker of (await store.queryWorkers()).items) {
    const running = runningOf(attempts, worker.worker_id)
    expect(worker.status === 'busy').toBe(running.length > 0)
    expect(worker.current_attempt_id === null).toBe(running.length === 0)
    expect([...running, null]).toContain(worker.current_attempt_id)
  }
}

export function describeRandomWalks({ open }: Harness): void {
  describe('random walks', () => {
    test.each([1, 2, 3, 4, 5, 6, 7, 8])(
      'whatever happens, queue, indexes and workers agree with the records (walk %i)',
      async (seed) => {
        const subject = await open()
        const { store } = subject
        const random = seededRandom(seed)
        const below = (limit: number): number => {
          const [high, low] = random(2)
          return (high! * 256 + low!) % limit
        }
        for (let taken = 0; taken < 300; taken++) await step(subject, below)
        const rollouts = (await store.queryRollouts()).items
        await checkWorkers(store, rollouts)
        const waiting = rollouts.filter((rollout) => isQueuing(rollout.status))
        const byStatus = await store.queryRollouts({ statusIn: ['queuing', 'requeuing'] })
        expect(byStatus.items).toEqual(waiting)
        const claimed = await store.dequeueManyRollouts({ limit: 10_000 })
        const ids = (list: readonly Rollout[]): readonly string[] => list.map((rollout) => rollout.rollout_id).sort()
        expect(ids(claimed)).toEqual(ids(waiting))
        expect(claimed.map((rollout) => rollout.priority)).toEqual(
          claimed.map((rollout) => rollout.priority).toSorted((a, b) => b - a),
        )
      },
    )
  })
}
