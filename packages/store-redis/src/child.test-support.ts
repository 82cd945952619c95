/*
 * A process that works on a store in Redis; see processes.test.ts. What it tells is written before anything else can happen, so that a
 * kill right after it finds it told.
 */
import { writeSync } from 'node:fs'
import { spanOf } from '@agl/store-kit/testing'
import { createRedisStore, type RedisStore } from './create-redis-store.ts'

/** What a child has been told by the store. */
export type Acknowledged =
  | { readonly kind: 'ready' }
  | { readonly kind: 'enqueued'; readonly rolloutId: string }
  | { readonly kind: 'span'; readonly rolloutId: string; readonly spanId: string }
  | { readonly kind: 'settled'; readonly rolloutId: string; readonly attemptId: string }

function tell(acknowledged: Acknowledged): void {
  writeSync(1, `${JSON.stringify(acknowledged)}\n`)
}

/** Claims, stores spans and settles until it is given the end, and hands out some work itself. */
async function work(store: RedisStore): Promise<void> {
  const workerId = `worker-${process.pid}`
  for (let round = 0; ; round++) {
    const claimed = await store.dequeueRollout({ workerId, waitMs: 60_000, leaseMs: 1000 })
    if (claimed === null || claimed.input === 'end') return
    if (claimed.input === 'parent') {
      const child = await store.enqueueRollout({ input: 'child' })
      tell({ kind: 'enqueued', rolloutId: child.rollout_id })
    }
    const { rollout_id: rolloutId } = claimed
    const spans = [0, 1, 2].map((index) => spanOf(claimed, { span_id: `${workerId}-${round}-${index}` }))
    for (const stored of await store.addManySpans({ spans })) tell({ kind: 'span', rolloutId, spanId: stored.span_id })
    const attemptId = claimed.attempt.attempt_id
    const { status } = await store.updateAttempt({ rolloutId, attemptId, status: 'succeeded' })
    if (status === 'succeeded') tell({ kind: 'settled', rolloutId, attemptId })
  }
}

const [, , url, namespace] = process.argv
if (url !== undefined && namespace !== undefined) {
  const store = createRedisStore({ url, namespace, pollMs: 100 })
  await store.open()
  tell({ kind: 'ready' })
  await work(store)
  await store.close()
}
