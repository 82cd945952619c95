import { isFinished, storageFull, type Transition } from '@agl/store-kit'
import { keptBytes } from './bytes.ts'
import { makeRoom } from './retain.ts'
import type { MemoryState } from './state.ts'

/**
 * Makes room for a write before it changes anything.
 * @returns whether something was dropped for it: rows found before may be gone
 * @throws AglError `storage_full` when what cannot be dropped leaves none; nothing is dropped then
 */
export function reserve(state: MemoryState, addedBytes: number): boolean {
  const { maxBytes } = state.retention
  if (maxBytes === null || hasRoom(state, addedBytes)) return false
  const kept = keptBytes(state.usage)
  if (kept + addedBytes > maxBytes) throw storageFull({ maxBytes, keptBytes: kept, addedBytes })
  makeRoom(state, addedBytes)
  return true
}

/** Whether so many bytes fit as it is. */
export function hasRoom({ retention: { maxBytes }, usage }: MemoryState, addedBytes: number): boolean {
  return maxBytes === null || keptBytes(usage) + usage.finished + addedBytes <= maxBytes
}

/**
 * As {@link reserve}, for a change of a rollout. One after which the rollout is finished is always taken: what it adds may
 * be dropped right after, by {@link trim}, and only what ends makes room.
 */
export function reserveFor(state: MemoryState, { rollout }: Transition, addedBytes: number): boolean {
  return addedBytes > 0 && !isFinished(rollout.rollout.status) && reserve(state, addedBytes)
}

/** Drops finished rollouts until the store is within its bound again. */
export function trim(state: MemoryState): void {
  if (!hasRoom(state, 0)) makeRoom(state, 0)
}
