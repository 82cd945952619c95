import { isFinished } from '@agl/store-kit'
import type { Rollout, RolloutStatus, WaitRequest } from '@agl/types'
import type { Engine } from './engine.ts'
import { getRollout } from './rows.ts'
import type { Reading, SqliteState } from './state.ts'
import { lastEvent } from './wakes.ts'

/** The rollouts that are finished, in the order asked; unknown ones are left out. */
function collect(reading: Reading, rolloutIds: readonly string[]): readonly Rollout[] {
  return rolloutIds.flatMap((id) => {
    const rollout = getRollout(reading, id)?.entry.rollout
    return rollout !== undefined && isFinished(rollout.status) ? [rollout] : []
  })
}

export async function waitForRollouts(engine: Engine, state: SqliteState, request: WaitRequest): Promise<readonly Rollout[]> {
  const { rolloutIds, signal, timeoutMs = null, atLeast = Infinity } = request
  signal?.throwIfAborted()
  const mayWait = timeoutMs === null || timeoutMs > 0
  const standing = await engine.read((reading) => {
    const { open, known, seen } = look(reading, rolloutIds)
    return mayWait && open.size > Math.max(0, known.length - atLeast)
      ? { open, known, seen }
      : { finished: collect(reading, rolloutIds) }
  })
  if ('finished' in standing) return standing.finished
  signal?.throwIfAborted()
  engine.throwIfClosed()
  const { open, known, seen } = standing
  const stop = engine.wakes.awaitRollouts(known, seen)
  return state.rolloutWaiters
    .wait({
      rolloutIds: known,
      isFinished: (id) => !open.has(id),
      collect: () => collect(engine.openFile(), rolloutIds),
      timeoutMs,
      atLeast,
      signal,
    })
    .finally(stop)
}

/** How things stand, and the last event that led to it. */
interface Standing {
  /** Those that are not finished. */
  readonly open: ReadonlySet<string>
  readonly known: readonly string[]
  readonly seen: number
}

/** Reads statuses only: thousands of rollouts may be waited for. */
function look(reading: Reading, rolloutIds: readonly string[]): Standing {
  const statuses = new Map<string, RolloutStatus>()
  for (const id of new Set(rolloutIds)) {
    const row = reading.database.get<{ status: RolloutStatus }>('SELECT status FROM rollouts WHERE rollout_id = ?', id)
    if (row !== undefined) statuses.set(id, row.status)
  }
  const known = [...statuses.keys()]
  const open = new Set(known.filter((id) => !isFinished(statuses.get(id)!)))
  return { open, known, seen: lastEvent(reading) }
}
