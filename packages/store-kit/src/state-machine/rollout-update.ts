import type { Rollout } from '@agl/types'
import { settleCancelled } from './cancel.ts'
import { moveRollout } from './moves.ts'
import type { AttemptEntry, Effect, RolloutEntry, Transition } from './states.ts'

/** What is to be changed of a rollout; absent = left alone. */
export type RolloutChange = Partial<
  Pick<Rollout, 'input' | 'mode' | 'resources_id' | 'resources_version' | 'status' | 'config' | 'metadata'>
>

/**
 * Changes a rollout by hand. Any status may follow any, and this reopens a finished rollout; the status it has already
 * is a no-op. Attempts are left alone, except that setting `cancelled` settles them as {@link cancelRollout} does.
 * @param attempts all attempts of the rollout, or at least those that are live or unresponsive
 */
export function updateRollout(
  entry: RolloutEntry,
  attempts: readonly AttemptEntry[],
  change: RolloutChange,
  now: number,
): Transition {
  const effects: Effect[] = []
  const { status, ...fields } = change
  const changed: RolloutEntry = { rollout: Object.freeze({ ...entry.rollout, ...fields }), notes: entry.notes }
  if (status === undefined || status === entry.rollout.status) return { rollout: changed, attempts: [], effects }
  const settled = status === 'cancelled' ? settleCancelled(attempts, now, effects) : []
  return { rollout: moveRollout(changed, status, now, effects), attempts: settled, effects }
}
