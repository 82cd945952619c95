import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { storeClosed } from '@agl/store-kit'
import { errorMessage } from '@agl/types'
import { createBatch, type GatheringBatch } from './batch.ts'
import { hasWork, serveWaiters } from './claim.ts'
import { type CommitQueue, createCommitQueue } from './database/commit-queue.ts'
import type { Database } from './database/database.ts'
import { translateError } from './database/errors.ts'
import { type FileOptions, openStoreFile } from './database/open.ts'
import { trimEvents } from './events.ts'
import { applyRetention, nextRetirement } from './retention.ts'
import type { Reading, SqliteState, Writing } from './state.ts'
import { nextLook, sweep } from './sweep.ts'
import { createWakes, type Wakes } from './wakes.ts'

/** Runs verbs on the file: opens it, groups writes into transactions, keeps the timer, wakes what is parked. */
export interface Engine {
  readonly wakes: Wakes
  /** Opens the file; every call does it when needed. */
  open(): Promise<void>
  /**
   * Runs a change. Its answer comes after the commit.
   * @param onCommit runs at the commit, before anything else can happen
   */
  write<Value>(work: (writing: Writing) => Value, onCommit?: (value: Value) => void): Promise<Value>
  /** Runs a read on one state of the file, after all changes asked for before it. */
  read<Value>(work: (reading: Reading) => Value): Promise<Value>
  /** A call was parked at a commit: what came with that commit is to be offered to it. */
  noteParked(): void
  /** The open file, for reads that need no transaction. @throws AglError `closed` */
  openFile(): Reading
  throwIfClosed(): void
  /** A change that takes several turns of the event loop. Other calls of this handle wait; those of others are refused after their time. */
  exclusively<Value>(work: (writing: Writing) => Promise<Value>): Promise<Value>
  close(): Promise<void>
}

/** Limits are exceeded strictly after their moment: the timer is set just behind it. */
const margin = 0.001

const drainRetryMs = 2

/** How many transactions may pass before old events are dropped. */
const trimEvery = 256

export function createEngine(state: SqliteState, options: FileOptions & { readonly pollMs: number }): Engine {
  let opening: Promise<void> | null = null
  let database: Database | null = null
  let queue: CommitQueue<Writing> | null = null
  let timer: { readonly at: number; readonly cancel: () => void } | null = null
  let untrimmed = trimEvery
  let hasParked = false
  let isClosing = false
  let isClosed = false
  let closing: Promise<void> | null = null
  let exclusive: Promise<unknown> | null = null

  const reading = (): Reading | null => (database === null || queue?.isPaused === true ? null : { state, database })

  const wakes = createWakes({
    pollMs: options.pollMs,
    reading,
    onError: (error) => tryLater(error),
    onOthersChange(present) {
      arm(present)
      if (state.claimWaiters.size > 0 && hasWork(present)) work()
    },
  })

  const open = async (): Promise<void> => {
    throwIfClosed()
    await finishOpening()
  }

  /** For calls that were made before the store was closed, and are still done. */
  const finishOpening = async (): Promise<void> => {
    if (database !== null) return
    opening ??= openNow().finally(() => {
      opening = null
    })
    await opening
    if (isClosed) throw storeClosed(state.name)
  }

  const openFile = (): Reading => {
    if (database === null || isClosed) throw storeClosed(state.name)
    return { state, database }
  }

  const openNow = async (): Promise<void> => {
    const opened = await openStoreFile(options)
    if (isClosed) {
      opened.close()
      return
    }
    database = opened
    queue = createCommitQueue({ ...options, database: opened, startBatch: () => startBatch(opened) })
    arm({ state, database: opened })
  }

  const startBatch = (opened: Database): GatheringBatch =>
    createBatch({
      state,
      database: opened,
      afterBegin: sweep,
      afterJob: serveWaiters,
      beforeCommit(writing) {
        applyRetention(writing)
        if (++untrimmed < trimEvery) return
        untrimmed = 0
        trimEvents(writing)
      },
      afterCommit: (batch) => guard(() => follow({ state, database: opened }, batch)),
    })

  /** What follows from a commit. */
  const follow = (present: Reading, batch: GatheringBatch): void => {
    arm(present)
    wakes.changed(present)
    // Only once: what nobody who waits may have (a worker without free slots) would otherwise be offered without end.
    const isOffered = !hasParked
    hasParked = false
    if (!isOffered && batch.hasWork && hasWork(present)) work()
  }

  /** For reads that nobody waits for: their failure is told, and what they were for is tried again a little later. */
  const guard = (run: () => void): void => {
    try {
      run()
    } catch (error) {
      tryLater(error)
    }
  }

  const tryLater = (error: unknown): void => {
    if (isClosed) return
    state.logger.warn('the store could not do its own work; it will try again', { error: errorMessage(error) })
    setTimerAt(state.clock.now() + 1)
  }

  /** A transaction without a call of its own: it sweeps, retires and serves who waits. */
  const work = (): void => {
    if (isClosing) return
    queue?.add({
      run: (writing) => writing.noteWork(),
      onCommit: () => {},
      onFailure: tryLater,
    })
  }

  const onTimer = (): void => {
    timer = null
    work()
    queue?.flush()
  }

  /** Sets the one timer for what has to be looked at first. */
  const arm = (present: Reading): void => {
    const moments = [nextLook(present), nextRetirement(present)].filter((moment) => moment !== null)
    if (moments.length > 0) setTimerAt(Math.min(...moments) + margin)
  }

  const setTimerAt = (at: number): void => {
    if (isClosed || (timer !== null && timer.at <= at)) return
    timer?.cancel()
    timer = { at, cancel: state.clock.schedule(at, onTimer) }
  }

  const throwIfClosed = (): void => {
    if (isClosing) throw storeClosed(state.name)
  }

  const write: Engine['write'] = async (run, onCommit) => {
    throwIfClosed()
    if (database === null) await finishOpening()
    if (isClosed) throw storeClosed(state.name)
    return enqueue(run, onCommit)
  }

  /** @param whenBlocked what is answered instead while another connection holds the file */
  const enqueue = <Value>(
    run: (writing: Writing) => Value,
    onCommit?: (value: Value) => void,
    whenBlocked?: () => Value,
  ): Promise<Value> =>
    new Promise((resolve, reject) => {
      let value: Value
      queue!.add({
        run: (writing) => {
          value = run(writing)
        },
        onCommit() {
          onCommit?.(value)
          resolve(value)
        },
        onFailure: reject,
        ...(whenBlocked === undefined ? {} : { onBlocked: () => answer(whenBlocked, resolve, reject) }),
      })
    })

  const read: Engine['read'] = async (run) => {
    throwIfClosed()
    if (database === null) await finishOpening()
    if (isClosed) throw storeClosed(state.name)
    const present = reading()
    if (present === null) return enqueue(run)
    if (queue!.size === 0 && readOnce(present, isOverdue)) {
      work()
      queue!.flush()
    }
    // While others hold the file locked, reads do not wait for the writes that do.
    if (queue!.size > 0 && !queue!.isBlocked) return enqueue(run, undefined, () => readOnce(present, run))
    return readOnce(present, run)
  }

  /** In a transaction of its own, so that several statements see one state. */
  const readOnce = <Value>(present: Reading, run: (reading: Reading) => Value): Value => {
    try {
      present.database.run('BEGIN')
      return run(present)
    } catch (error) {
      throw translateError(error, options.file)
    } finally {
      if (present.database.isInTransaction) present.database.run('COMMIT')
    }
  }

  /** Whether something has to be ended before anybody looks. */
  const isOverdue = (present: Reading): boolean => {
    const next = nextLook(present)
    return next !== null && next < state.clock.now()
  }

  const exclusively: Engine['exclusively'] = async (run) => {
    await open()
    const change = queue!.exclusively(run)
    exclusive = Promise.allSettled([exclusive, change])
    return change
  }

  const close = (): Promise<void> => (closing ??= closeNow())

  const closeNow = async (): Promise<void> => {
    // What was asked for before is done before, and nothing else.
    isClosing = true
    await opening?.catch(() => {})
    // Calls that waited for the opening go on first.
    await nextTurn()
    await exclusive
    if (queue !== null) await drain(queue)
    isClosed = true
    timer?.cancel()
    timer = null
    const reason = storeClosed(state.name)
    queue?.close(reason)
    state.claimWaiters.close(reason)
    state.rolloutWaiters.close(reason)
    wakes.close()
    if (database === null) return
    foldLog(database)
    database.close()
  }

  /** Does what is waiting, however long others hold the file within the time that calls wait for it. */
  const drain = async (waiting: CommitQueue<Writing>): Promise<void> => {
    const end = performance.now() + options.busyTimeoutMs
    while (waiting.size > 0 && !waiting.isPaused) {
      if (waiting.flush()) continue
      if (performance.now() >= end) return
      await sleep(drainRetryMs)
    }
  }

  const noteParked = (): void => {
    hasParked = true
  }

  return { wakes, open, write, read, noteParked, openFile, throwIfClosed, exclusively, close }
}

function answer<Value>(work: () => Value, resolve: (value: Value) => void, reject: (reason: unknown) => void): void {
  try {
    resolve(work())
  } catch (error) {
    reject(error)
  }
}

/** Moves the write-ahead log into the file, as far as other connections allow. */
function foldLog(database: Database): void {
  try {
    database.get('PRAGMA wal_checkpoint(TRUNCATE)')
  } catch {
    // Busy: the log stays beside the file and is read by whoever opens it next.
  }
}
