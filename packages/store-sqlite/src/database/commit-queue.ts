import { setTimeout as sleep } from 'node:timers/promises'
import { AglError } from '@agl/types'
import type { Database } from './database.ts'
import { isBusy, isSqliteError, lockedTooLong, translateError } from './errors.ts'

/*
 * Group commit. Calls made in one turn of the event loop become one transaction and are answered after its commit: a
 * commit costs a flush of the disk, however many calls are in it.
 *
 *   waiting     calls are in `pending`, a flush is scheduled     → flush
 *   flush       BEGIN IMMEDIATE                                  → retry when another connection writes at the moment
 *               each call within a savepoint of its own          → a call that throws is undone alone
 *               COMMIT, then the answers                         → when that fails, none of it happened: all are refused
 *   retry       calls wait without blocking, with back-off       → flush; each is refused once it waited `busyTimeoutMs`
 *
 * An error of SQLite within one call (no space, say) undoes the transaction. The calls are then tried again one by one,
 * so that only those fail that must.
 *
 * A flush is one piece of synchronous work: whatever it resolves is seen by nobody before it has ended.
 */

/** What one call does within the transaction. */
export interface Job<Context> {
  /** Throws to undo what it did. */
  readonly run: (context: Context) => void
  /** The transaction was committed. */
  readonly onCommit: () => void
  /** Nothing of it happened. */
  readonly onFailure: (error: unknown) => void
  /** For reads: what is done instead of waiting when another connection holds the file. */
  readonly onBlocked?: () => void
  readonly since: number
  /** Whether it must not share a transaction. */
  isAlone: boolean
}

export interface CommitQueue<Context> {
  readonly size: number
  /** Whether a change of {@link exclusively} is under way. */
  readonly isPaused: boolean
  /** Whether what is waiting waits for another connection. */
  readonly isBlocked: boolean
  add(job: Omit<Job<Context>, 'since' | 'isAlone'>): void
  /** Does now what is waiting, or the first of much; answers false, and leaves all waiting, when the file is not free. */
  flush(): boolean
  /**
   * One transaction over several turns of the event loop. What is added meanwhile waits for its end.
   * @throws AglError `timeout` when the file stays locked
   */
  exclusively<Value>(run: (context: Context) => Promise<Value>): Promise<Value>
  /** Refuses what is waiting. */
  close(reason: unknown): void
}

/** What surrounds the jobs of one transaction. */
export interface Batch<Context> {
  readonly context: Context
  /** Before and after each job: `end(false)` after one that was undone. */
  readonly begin: () => void
  readonly end: (succeeded: boolean) => void
  /** The first and the last statements of the transaction. */
  readonly afterBegin: () => void
  readonly beforeCommit: () => void
  /** After the answers. */
  readonly afterCommit: () => void
  readonly afterRollback: () => void
}

/** Calls in one transaction at most: more would hold up the event loop for longer than their commits cost. */
const largestBatch = 256

const shortestRetryMs = 1
const longestRetryMs = 25

export function createCommitQueue<Context>(parts: {
  readonly database: Database
  readonly file: string
  readonly busyTimeoutMs: number
  readonly startBatch: () => Batch<Context>
}): CommitQueue<Context> {
  const { database, file, busyTimeoutMs } = parts
  let pending: Job<Context>[] = []
  let scheduled: NodeJS.Immediate | null = null
  let retry: NodeJS.Timeout | null = null
  let retryMs = shortestRetryMs
  let isFlushing = false
  let isPaused = false

  const schedule = (): void => {
    scheduled ??= setImmediate(() => void flush())
  }

  const flush = (): boolean => {
    if (scheduled !== null) clearImmediate(scheduled)
    scheduled = null
    if (isFlushing || isPaused || pending.length === 0) return false
    if (!begin()) return false
    const jobs = takeBatch()
    isFlushing = true
    try {
      runBatch(jobs)
    } finally {
      isFlushing = false
      if (pending.length > 0) schedule()
    }
    return true
  }

  const takeBatch = (): Job<Context>[] => {
    const alone = pending.findIndex((job) => job.isAlone)
    return pending.splice(0, alone === -1 ? largestBatch : Math.max(alone, 1))
  }

  /** Whether the transaction could be started; if not, it is tried again later. */
  const begin = (): boolean => {
    try {
      database.run('BEGIN IMMEDIATE')
      retryMs = shortestRetryMs
      return true
    } catch (error) {
      if (isBusy(error)) {
        letReadsThrough()
        refuseOverdue()
        retryLater()
      } else {
        const reason = translateError(error, file)
        for (const job of pending.splice(0)) job.onFailure(reason)
      }
      return false
    }
  }

  const letReadsThrough = (): void => {
    const reads = pending.filter((job) => job.onBlocked !== undefined)
    if (reads.length === 0) return
    pending = pending.filter((job) => job.onBlocked === undefined)
    for (const job of reads) job.onBlocked?.()
  }

  const refuseOverdue = (): void => {
    const now = performance.now()
    const overdue = pending.filter((job) => now - job.since >= busyTimeoutMs)
    if (overdue.length === 0) return
    pending = pending.filter((job) => !overdue.includes(job))
    for (const job of overdue) job.onFailure(lockedTooLong(file, now - job.since))
  }

  /** With chance in it, so that processes that were refused together do not come back together. */
  const retryLater = (): void => {
    if (pending.length === 0 || retry !== null) return
    retry = setTimeout(
      () => {
        retry = null
        flush()
      },
      retryMs * (0.5 + Math.random()),
    )
    retryMs = Math.min(retryMs * 2, longestRetryMs)
  }

  const runBatch = (jobs: Job<Context>[]): void => {
    const batch = parts.startBatch()
    const outcomes: { readonly job: Job<Context>; readonly failure: { readonly error: unknown } | null }[] = []
    try {
      batch.afterBegin()
      for (const job of jobs) outcomes.push({ job, failure: runJob(job, batch) })
      batch.beforeCommit()
      database.run('COMMIT')
    } catch (error) {
      if (database.isInTransaction) database.run('ROLLBACK')
      batch.afterRollback()
      afterBreakdown(jobs, error)
      return
    }
    for (const { job, failure } of outcomes) {
      // One that cannot take its answer must not keep the others from theirs.
      try {
        if (failure === null) job.onCommit()
        else job.onFailure(failure.error)
      } catch (error) {
        job.onFailure(error)
      }
    }
    batch.afterCommit()
  }

  /** Why a job was undone alone; null when it was not. Throws when the transaction is lost. */
  const runJob = (job: Job<Context>, batch: Batch<Context>): { readonly error: unknown } | null => {
    batch.begin()
    database.run('SAVEPOINT job')
    try {
      job.run(batch.context)
      database.run('RELEASE job')
      batch.end(true)
      return null
    } catch (error) {
      if (isSqliteError(error)) throw error
      database.run('ROLLBACK TO job')
      database.run('RELEASE job')
      batch.end(false)
      return { error }
    }
  }

  const afterBreakdown = (jobs: readonly Job<Context>[], error: unknown): void => {
    if (jobs.length === 1) {
      jobs[0]!.onFailure(translateError(error, file))
      return
    }
    for (const job of jobs) job.isAlone = true
    pending.unshift(...jobs)
  }

  const exclusively = async <Value>(run: (context: Context) => Promise<Value>): Promise<Value> => {
    if (isPaused) throw new AglError({ code: 'conflict', message: 'An import is under way; wait for its end.' })
    flush()
    isPaused = true
    try {
      await beginSoon()
      const batch = parts.startBatch()
      const value = await runAlone(run, batch)
      batch.afterCommit()
      return value
    } catch (error) {
      throw translateError(error, file)
    } finally {
      isPaused = false
      if (pending.length > 0) schedule()
    }
  }

  const beginSoon = async (): Promise<void> => {
    const start = performance.now()
    for (;;) {
      try {
        database.run('BEGIN IMMEDIATE')
        return
      } catch (error) {
        const waited = performance.now() - start
        if (!isBusy(error)) throw error
        if (waited >= busyTimeoutMs) throw lockedTooLong(file, waited)
      }
      await sleep(longestRetryMs)
    }
  }

  const runAlone = async <Value>(run: (context: Context) => Promise<Value>, batch: Batch<Context>): Promise<Value> => {
    try {
      batch.begin()
      const value = await run(batch.context)
      batch.end(true)
      batch.beforeCommit()
      database.run('COMMIT')
      return value
    } catch (error) {
      if (database.isInTransaction) database.run('ROLLBACK')
      batch.afterRollback()
      throw error
    }
  }

  return {
    exclusively,
    get size() {
      return pending.length
    },
    get isBlocked() {
      return retry !== null
    },
    get isPaused() {
      return isPaused
    },
    add(job) {
      pending.push({ ...job, since: performance.now(), isAlone: false })
      if (retry === null) schedule()
    },
    flush,
    close(reason) {
      if (scheduled !== null) clearImmediate(scheduled)
      if (retry !== null) clearTimeout(retry)
      scheduled = null
      retry = null
      for (const job of pending.splice(0)) job.onFailure(reason)
    },
  }
}
