import { isFinished } from '@agl/store-kit'
import type { RolloutStatus } from '@agl/types'
import type { Reading } from './state.ts'

/*
 * How parked calls learn of changes. Commits of this handle tell them at once; commits of others (processes, or handles
 * of this one) are noticed by `PRAGMA data_version`, which is read every few milliseconds while somebody is parked, and
 * not otherwise. What changed is read from the events.
 */

export interface Wakes {
  /** Keeps looking for others' commits until the answer is called. */
  watchOthers(): () => void
  /**
   * Tells the rollout waiters about these rollouts, until the answer is called.
   * @param seen the last event when their state was read
   */
  awaitRollouts(rolloutIds: readonly string[], seen: number): () => void
  /** Calls back after each commit that may have brought events, until the answer is called. */
  onChange(callback: () => void): () => void
  /** After a commit, of this handle or another. */
  changed(reading: Reading): void
  /** Ends the looking and calls everybody back. */
  close(): void
}

/**
 * @param parts.reading null while the file cannot be read
 * @param parts.onOthersChange another connection has committed something
 */
export function createWakes(parts: {
  readonly pollMs: number
  readonly reading: () => Reading | null
  readonly onOthersChange: (reading: Reading) => void
  /** A look has failed; the next one looks at everything. */
  readonly onError: (error: unknown) => void
}): Wakes {
  const awaited = new Map<string, number>()
  const callbacks = new Set<() => void>()
  let lastSeen = 0
  let watching = 0
  let poll: NodeJS.Timeout | null = null
  let isClosed = false
  // Null: not known, so that the next look counts as a change. What was committed between a call's look and its parking is then seen.
  let lastVersion: number | null = null

  const look = (): void => {
    const reading = parts.reading()
    if (reading === null) return
    try {
      lookAt(reading)
    } catch (error) {
      lastVersion = null
      parts.onError(error)
    }
  }

  const lookAt = (reading: Reading): void => {
    const { data_version: version } = reading.database.get<{ data_version: number }>('PRAGMA data_version')!
    if (version === lastVersion) return
    lastVersion = version
    changed(reading)
    parts.onOthersChange(reading)
  }

  const stop = (): void => {
    if (poll !== null) clearInterval(poll)
    poll = null
  }

  const watchOthers: Wakes['watchOthers'] = () => {
    watching++
    lastVersion = null
    if (!isClosed) poll ??= setInterval(look, parts.pollMs)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      if (--watching === 0) stop()
    }
  }

  const changed: Wakes['changed'] = (reading) => {
    if (awaited.size > 0) tellRolloutWaiters(reading)
    // One that takes itself out while it is called is allowed by a Set.
    for (const callback of callbacks) callback()
  }

  const tellRolloutWaiters = (reading: Reading): void => {
    const { database, state } = reading
    const events = database.all<{ id: number; rollout_id: string | null }>(
      'SELECT id, rollout_id FROM events WHERE id > ? ORDER BY id',
      lastSeen,
    )
    if (events.length === 0) return
    // The feed may have been trimmed past us: then any rollout may have changed.
    const ids = events[0]!.id === lastSeen + 1 ? new Set(events.map((event) => event.rollout_id)) : new Set(awaited.keys())
    lastSeen = events.at(-1)!.id
    for (const id of ids) {
      if (id === null || !awaited.has(id)) continue
      const row = database.get<{ status: RolloutStatus }>('SELECT status FROM rollouts WHERE rollout_id = ?', id)
      // Only finished rollouts are deleted.
      if (row === undefined || isFinished(row.status)) state.rolloutWaiters.finished(id)
      else state.rolloutWaiters.reopened(id)
    }
  }

  return {
    watchOthers,
    awaitRollouts(rolloutIds, seen) {
      lastSeen = awaited.size === 0 ? seen : Math.min(lastSeen, seen)
      for (const id of rolloutIds) awaited.set(id, (awaited.get(id) ?? 0) + 1)
      const stopWatching = watchOthers()
      return () => {
        stopWatching()
        for (const id of rolloutIds) {
          const count = awaited.get(id)! - 1
          if (count === 0) awaited.delete(id)
          else awaited.set(id, count)
        }
      }
    },
    onChange(callback) {
      callbacks.add(callback)
      const stopWatching = watchOthers()
      return () => {
        callbacks.delete(callback)
        stopWatching()
      }
    },
    changed,
    close() {
      isClosed = true
      stop()
      for (const callback of callbacks) callback()
    },
  }
}

export function lastEvent({ database }: Reading): number {
  return database.get<{ last: number | null }>('SELECT max(id) AS last FROM events')?.last ?? 0
}
