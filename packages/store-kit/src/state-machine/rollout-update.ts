import type { Rollout, RolloutUpdate } from '@agl/types'
import { settleCancelled } from './cancel.ts'
import { moveRollout } from './moves.ts'
import type { AttemptEntry, Effect, RolloutEntry, Transition } from './states.ts'

/** What is to be changed of a rollout; absent = left alone. */
export type RolloutChange = Partial<
  Pick<Rollout, 'input' | 'mode' | 'resources_id' | 'resources_version' | 'status' | 'config' | 'metadata'>
>

/**
 * What a checked update asks for, as a change of the record. New resources pin the version that is newest now.
 * @param newestVersion of a resources id; null for null and where nothing has that id
 */
export function rolloutChange(
  update: RolloutUpdate,
  newestVersion: (resourcesId: string | null) => number | null,
): RolloutChange {
  const { resourcesId, config } = update
  const resources = resourcesId === undefined ? {} : { resources_id: resourcesId, resources_version: newestVersion(resourcesId) }
  return {
    ...(update.input === undefined ? {} : { input: update.input }),
    ...(update.mode === undefined ? {} : { mode: update.mode }),
    ...(update.status === undefined ? {} : { status: update.status }),
    ...(config === undefined ? {} : { config: Object.freeze(config) }),
    ...(update.metadata === undefined ? {} : { metadata: update.metadata }),
    ...resources,
  }
}

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
