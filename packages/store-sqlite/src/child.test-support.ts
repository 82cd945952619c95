/*
 * A process that works on a store file; see processes.test.ts. What it tells is written before anything else can happen,
 * so that a kill right after it finds it told.
 */
import { writeSync } from 'node:fs'
import { spanOf } from '@agl/store-kit/testing'
import { createSqliteStore, type SqliteStore } from './create-sqlite-store.ts'

/** What a child has been told by the store. */
export type Acknowledged =
  | { readonly kind: 'ready' }
  | { readonly kind: 'enqueued'; readonly rolloutId: string }
  | { readonly kind: 'claimed'; readonly rolloutId: string; readonly attemptId: string }
  | { readonly kind: 'span'; readonly rolloutId: string; readonly spanId: string }
  | { readonly kind: 'settled'; readonly rolloutId: string; readonly attemptId: string }
  | { readonly kind: 'woken'; readonly milliseconds: number }

function tell(acknowledged: Acknowledged): void {
  writeSync(1, `${JSON.stringify(acknowledged)}\n`)
}

/** Every kind of write, several at a time, until it is killed. */
async function writeForEver(store: SqliteStore): Promise<void> {
  const prefix = `${process.pid}-${performance.timeOrigin}`
  for (let round = 0; ; round++) {
    const requests = Array.from({ length: 3 }, (_, input) => store.enqueueRollout({ input }))
    for (const rollout of await Promise.all(requests)) tell({ kind: 'enqueued', rolloutId: rollout.rollout_id })
    const claimed = await store.dequeueRollout({ workerId: prefix, leaseMs: 60_000 })
    if (claimed === null) continue
    const key = { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
    tell({ kind: 'claimed', ...key })
    const spans = Array.from({ length: 4 }, (_, index) => spanOf(claimed, { span_id: `${prefix}-${round}-${index}` }))
    await Promise.all(
      spans.map(async (span) => {
        await store.addSpan(span)
        tell({ kind: 'span', rolloutId: key.rolloutId, spanId: span.span_id })
      }),
    )
    await store.updateAttempt({ ...key, status: 'succeeded' })
    tell({ kind: 'settled', ...key })
  }
}

/** Claims and settles until it is given the end. */
async function claimAll(store: SqliteStore): Promise<void> {
  for (;;) {
    const claimed = await store.dequeueRollout({ workerId: `worker-${process.pid}`, waitMs: 60_000, leaseMs: 60_000 })
    if (claimed === null || claimed.input === 'end') return
    const key = { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
    await store.updateAttempt({ ...key, status: 'succeeded' })
    tell({ kind: 'claimed', ...key })
  }
}

/** Waits for work again and again, and tells how long after its enqueueing it came. */
async function beWoken(store: SqliteStore): Promise<void> {
  for (;;) {
    const claimed = await store.dequeueRollout({ workerId: 'waiter', waitMs: 60_000 })
    if (claimed === null || claimed.input === 'end') return
    tell({ kind: 'woken', milliseconds: performance.timeOrigin + performance.now() - (claimed.input as number) })
  }
}

export type Task = 'writeForEver' | 'claimAll' | 'beWoken'

const tasks: Readonly<Record<Task, (store: SqliteStore) => Promise<void>>> = { writeForEver, claimAll, beWoken }

const [, , task, file] = process.argv
if (task !== undefined && file !== undefined && Object.hasOwn(tasks, task)) {
  const store = createSqliteStore({ file, durability: 'normal', busyTimeoutMs: 20_000 })
  await store.open()
  tell({ kind: 'ready' })
  await tasks[task as Task](store)
  await store.close()
}
