// A worker in a process of its own, who notes when work reaches it. See pickup.ts.
import { createRedisStore } from '@agl/store-redis'
import { Worker } from 'bullmq'
import { serveParent } from '../lib/child.ts'
import { nextTimer } from '../lib/loop-delay.ts'

export type WorkerVerbs = {
  /** Returns when the worker waits for work. */
  readonly start: (request: {
    readonly kind: 'ours' | 'bullmq'
    readonly url: string
    readonly port: number
    readonly count: number
  }) => Promise<void>
  /** In milliseconds, one for each task, when all have come. */
  readonly latencies: (none: null) => Promise<readonly number[]>
}

const latencies: number[] = []
const all = Promise.withResolvers<void>()
/** As wide as the peer's worker. */
const width = 50
let expected = 0

const note = (sent: number): void => {
  latencies.push(performance.timeOrigin + performance.now() - sent)
  if (latencies.length === expected) all.resolve()
}

async function claim(url: string): Promise<void> {
  const store = await createRedisStore({ url, namespace: 'bench' })
  const run = async (workerId: string): Promise<void> => {
    for (;;) {
      const claimed = await store.dequeueRollout({ workerId, waitMs: 60_000, leaseMs: 60_000 })
      if (claimed !== null) note((claimed.input as { readonly sent: number }).sent)
    }
  }
  for (let index = 0; index < width; index++) void run(`w${index}`)
}

serveParent<WorkerVerbs>({
  async start({ kind, url, port, count }) {
    expected = count
    if (kind === 'ours') {
      await claim(url)
    } else {
      const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null }
      const worker = new Worker('bench', async (job) => note((job.data as { readonly sent: number }).sent), {
        connection,
        concurrency: width,
      })
      await worker.waitUntilReady()
    }
    await nextTimer(300)
  },
  async latencies() {
    await all.promise
    return latencies
  },
})
