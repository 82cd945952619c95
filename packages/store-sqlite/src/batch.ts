import type { Batch } from './database/commit-queue.ts'
import type { Database } from './database/database.ts'
import { type SqliteState, storedTotal, type TotalName, type Writing } from './state.ts'

/** What the calls of one transaction gather for its end. */
export interface GatheringBatch extends Batch<Writing> {
  /** Whether there may be work now for calls that wait. */
  readonly hasWork: boolean
  /** What calls waiting for work were given; marked when it is undone. */
  readonly token: { isUndone: boolean }
}

interface Gathered {
  readonly totals: Map<TotalName, number>
  readonly logs: (() => void)[]
  hasWork: boolean
}

function nothing(): Gathered {
  return { totals: new Map(), logs: [], hasWork: false }
}

/** @param parts.afterJob what each successful call is followed by, within its transaction */
export function createBatch(parts: {
  readonly state: SqliteState
  readonly database: Database
  readonly afterJob: (writing: Writing, batch: GatheringBatch) => void
  readonly afterBegin: (writing: Writing) => void
  readonly beforeCommit: (writing: Writing) => void
  readonly afterCommit: (batch: GatheringBatch) => void
}): GatheringBatch {
  const { state, database } = parts
  const all = nothing()
  let job = nothing()
  const token = { isUndone: false }
  const writing: Writing = {
    state,
    database,
    log: (level, message, fields) => void job.logs.push(() => state.logger[level](message, fields)),
    count: (name, by) => void job.totals.set(name, (job.totals.get(name) ?? 0) + by),
    total: (name) => storedTotal({ database }, name) + (all.totals.get(name) ?? 0) + (job.totals.get(name) ?? 0),
    noteWork: () => {
      job.hasWork = true
    },
  }
  const keep = (): void => {
    for (const [name, by] of job.totals) all.totals.set(name, (all.totals.get(name) ?? 0) + by)
    all.logs.push(...job.logs)
    all.hasWork ||= job.hasWork
    job = nothing()
  }
  const end = (succeeded: boolean): void => {
    const { hasWork } = job
    if (succeeded) keep()
    else job = nothing()
    if (!succeeded || !hasWork) return
    parts.afterJob(writing, batch)
    keep()
  }
  const batch: GatheringBatch = {
    context: writing,
    token,
    get hasWork() {
      return all.hasWork
    },
    begin: () => {
      job = nothing()
    },
    end,
    afterBegin() {
      parts.afterBegin(writing)
      end(true)
    },
    beforeCommit() {
      parts.beforeCommit(writing)
      // What it dropped may have freed workers that wait.
      end(true)
      for (const [name, by] of all.totals) addToTotal(database, name, by)
    },
    afterCommit() {
      try {
        for (const log of all.logs) log()
      } finally {
        parts.afterCommit(batch)
      }
    },
    afterRollback() {
      token.isUndone = true
    },
  }
  return batch
}

function addToTotal(database: Database, name: TotalName, by: number): void {
  if (by === 0) return
  database.run(
    'INSERT INTO totals (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value',
    name,
    by,
  )
}
