// One of two processes on one SQLite file. See sqlite.ts.
import type { LightningStore } from '@agl/types'
import { serveParent } from '../lib/child.ts'
import { loadSqlite } from './stores.ts'

export type SqliteVerbs = {
  readonly open: (request: { readonly file: string }) => Promise<void>
  /** Answers the moment at which work had come, in milliseconds of the machine's monotonic clock. */
  readonly dequeue: (request: { readonly waitMs: number }) => Promise<number | null>
  /** Answers the moment before the call. */
  readonly enqueue: (request: { readonly task: number }) => Promise<number>
  readonly close: (request: null) => Promise<void>
}

let store: LightningStore | null = null

serveParent<SqliteVerbs>({
  open: async ({ file }) => {
    store = (await loadSqlite()).createSqliteStore({ file })
    await store.statistics()
  },
  dequeue: async ({ waitMs }) => ((await store!.dequeueRollout({ workerId: 'waiting', waitMs })) === null ? null : machineMs()),
  enqueue: async ({ task }) => {
    const start = machineMs()
    await store!.enqueueRollout({ input: { task } })
    return start
  },
  close: async () => store?.close(),
})

/** The same in all processes of a machine, unlike `performance.now()`. */
function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
