/*
 * A process that works on a store in Redis; see processes.test.ts. What it tells is written before anything else can happen, so that a
 * kill right after it finds it told.
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { spanOf } from '@agl/store-kit/testing'
import type { AttemptedRollout, HeartbeatReply } from '@agl/types'
import { createRedisStore, type RedisStore } from './create-redis-store.ts'

/** What a child has been told by the store. */
export type Acknowledged =
  | { readonly kind: 'ready' }
  | { readonly kind: 'enqueued'; readonly rolloutId: string }
  | { readonly kind: 'span'; readonly rolloutId: string; readonly spanId: string }
  | { readonly kind: 'settled'; readonly rolloutId: string; readonly attemptId: string }
  | { readonly kind: 'holding'; readonly rolloutId: string; readonly attemptId: string; readonly time: number }
  | { readonly kind: 'stopped'; readonly stopped: HeartbeatReply['stopped'] }

function tell(acknowledged: Acknowledged): void {
  writeSync(1, `${JSON.stringify(acknowledged)}\n`)
}

const leaseMs = 1000

/** Keeps the lease until there is something to read, then goes on as if nothing had happened. */
async function hold(store: RedisStore, { rollout_id: rolloutId, attempt }: AttemptedRollout, workerId: string): Promise<void> {
  const attempts = [{ rolloutId, attemptId: attempt.attempt_id }]
  const beat = async (): Promise<void> => void (await store.heartbeat({ workerId, attempts }))
  await beat()
  const beating = setInterval(() => void beat(), leaseMs / 5)
  tell({ kind: 'holding', ...attempts[0]!, time: Date.now() / 1000 })
  await once(process.stdin, 'data')
  process.stdin.pause()
  clearInterval(beating)
}

/** Claims, stores spans and settles until it is given the end, and hands out some work itself. */
async function work(store: RedisStore): Promise<void> {
  const workerId = `worker-${process.pid}`
  for (let round = 0; ; round++) {
    const claimed = await store.dequeueRollout({ workerId, waitMs: 60_000, leaseMs })
    if (claimed === null || claimed.input === 'end') return
    if (claimed.input === 'parent') {
      const child = await store.enqueueRollout({ input: 'child' })
      tell({ kind: 'enqueued', rolloutId: child.rollout_id })
    }
    if (claimed.input === 'hold') await hold(store, claimed, workerId)
    const { rollout_id: rolloutId } = claimed
    const spans = [0, 1, 2].map((index) => spanOf(claimed, { span_id: `${workerId}-${round}-${index}` }))
    for (const stored of await store.addManySpans({ spans })) tell({ kind: 'span', rolloutId, spanId: stored.span_id })
    const attemptId = claimed.attempt.attempt_id
    const { status } = await store.updateAttempt({ rolloutId, attemptId, status: 'succeeded' })
    if (status === 'succeeded') tell({ kind: 'settled', rolloutId, attemptId })
    if (claimed.input !== 'hold') continue
    const { stopped } = await store.heartbeat({ workerId, attempts: [{ rolloutId, attemptId }] })
    tell({ kind: 'stopped', stopped })
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
