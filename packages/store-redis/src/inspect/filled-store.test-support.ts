import type { AttemptedRollout } from '@agl/types'
import { spanOf } from '@agl/store-kit/testing'
import { createRedisStore, type RedisStore } from '../create-redis-store.ts'
import { createKeys, type Keys } from '../keys.ts'
import type { RedisStoreOptions } from '../options.ts'
import { newNamespace } from '../test-store.test-support.ts'

/** A store with something of everything. */
export interface FilledStore {
  readonly namespace: string
  readonly store: RedisStore
  readonly keys: Keys
  readonly queued: string
  readonly urgent: string
  readonly requeued: string
  /** With a lease, a worker and spans. */
  readonly running: AttemptedRollout
  readonly finished: AttemptedRollout
  readonly resourcesId: string
}

export async function fillStore(options: RedisStoreOptions): Promise<FilledStore> {
  const namespace = options.namespace ?? newNamespace()
  const store = createRedisStore({ ...options, namespace })
  const { resources_id: resourcesId } = await store.addResources({ resources: {} })
  await store.updateResources({ resourcesId, resources: {} })
  await store.addResources({ resources: {} })
  await store.setResourcesAlias({ alias: 'stable', resourcesId, version: 1 })

  const stop = new AbortController()
  const feed = store.watch({ signal: stop.signal })[Symbol.asyncIterator]()
  const first = feed.next()
  const settle = async ({ rollout_id: rolloutId, attempt }: AttemptedRollout, status: 'succeeded' | 'failed'): Promise<void> => {
    await store.updateAttempt({ rolloutId, attemptId: attempt.attempt_id, status })
  }
  const claim = async (input: string, workerId: string): Promise<AttemptedRollout> => {
    const config = { timeout_seconds: 600, max_attempts: 3, retry_condition: ['failed' as const] }
    await store.enqueueRollout({ input, config, idempotency_key: `${namespace}-${input}` })
    return (await store.dequeueRollout({ workerId, leaseMs: 600_000, capacity: 5 }))!
  }
  const finished = await claim('finished', 'w1')
  await store.addManySpans({ spans: [spanOf(finished), spanOf(finished), spanOf(finished)] })
  await settle(finished, 'succeeded')
  const requeued = await claim('requeued', 'w1')
  await settle(requeued, 'failed')
  const again = (await store.dequeueRollout({ workerId: 'w2' }))!
  await settle(again, 'failed')
  const running = (await store.startRollout({ rollout: { input: 'running' }, workerId: 'w2', leaseMs: 600_000 }))!
  await store.startRollout({ rollout: { input: 'also running' }, workerId: 'w2' })
  await store.addManySpans({ spans: [spanOf(running), spanOf(running, { sequence_id: 40 }), spanOf(running)] })
  const [queued, urgent, cancelled, deleted] = await store.enqueueManyRollouts({
    rollouts: [{ input: 1 }, { input: 2, priority: 5 }, { input: 3 }, { input: 4 }],
  })
  await store.cancelRollouts({ rolloutIds: [cancelled!.rollout_id, deleted!.rollout_id] })
  await store.deleteRollouts({ rolloutIds: [deleted!.rollout_id] })
  await store.updateWorker({ workerId: 'idle', heartbeatStats: { load: 1 } })
  await first
  stop.abort()
  return {
    namespace,
    store,
    keys: createKeys(namespace),
    queued: queued!.rollout_id,
    urgent: urgent!.rollout_id,
    requeued: requeued.rollout_id,
    running,
    finished,
    resourcesId,
  }
}
