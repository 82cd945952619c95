import type { Attempt, ResourcesAlias, ResourcesUpdate, Rollout } from '@agl/types'
import type { Writing } from './state.ts'

/** What happened, before it gets its cursor and time. */
export type NewEvent =
  | { readonly type: 'rollout'; readonly rollout: Rollout }
  | { readonly type: 'rollout_deleted'; readonly rollout_id: string }
  | { readonly type: 'attempt'; readonly attempt: Attempt }
  | { readonly type: 'resources'; readonly resources: Omit<ResourcesUpdate, 'resources'> }
  | { readonly type: 'resources_deleted'; readonly resources_id: string; readonly version: number }
  | { readonly type: 'resources_alias'; readonly alias: string; readonly target: ResourcesAlias | null }

/** How long a cursor is good for. */
export const eventLifetimeSeconds = 600
export const maxEvents = 100_000

const insert = 'INSERT INTO events (time, type, rollout_id, event) VALUES (?, ?, ?, ?)'

/** @param record the rollout as it is stored, that is without its input */
export function addRolloutEvent({ database }: Writing, rolloutId: string, record: string, time: number): void {
  database.run(insert, time, 'rollout', rolloutId, `{"type":"rollout","rollout":${record}}`)
}

export function addAttemptEvent({ database }: Writing, record: string, time: number): void {
  database.run(insert, time, 'attempt', null, `{"type":"attempt","attempt":${record}}`)
}

export function addEvent({ database }: Writing, event: Exclude<NewEvent, { type: 'rollout' | 'attempt' }>, time: number): void {
  const rolloutId = event.type === 'rollout_deleted' ? event.rollout_id : null
  database.run(insert, time, event.type, rolloutId, JSON.stringify(event))
}

/** Drops what nobody may ask for any more; the newest event stays, so that no cursor is given twice. */
export function trimEvents({ database, state }: Writing): void {
  // Two reads of the index: one statement with both would look at every event.
  const { first } = database.get<{ first: number | null }>('SELECT min(id) AS first FROM events')!
  const { last } = database.get<{ last: number | null }>('SELECT max(id) AS last FROM events')!
  if (first === null || last === null) return
  const oldest = state.clock.now() - eventLifetimeSeconds
  let keepFrom = Math.max(first, last - maxEvents + 1)
  for (; keepFrom < last; keepFrom++) {
    const event = database.get<{ time: number }>('SELECT time FROM events WHERE id = ?', keepFrom)
    if (event !== undefined && event.time >= oldest) break
  }
  if (keepFrom > first) database.run('DELETE FROM events WHERE id < ?', keepFrom)
}
