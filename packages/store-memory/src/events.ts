import type { NewStoreEvent } from '@agl/store-kit'
import type { Attempt, Rollout } from '@agl/types'
import type { MemoryState } from './state.ts'

/** Tells those who watch. The event is only made when somebody may ask for it. */
export function emit(state: MemoryState, event: () => NewStoreEvent): void {
  if (state.events.isActive) state.events.append(event())
}

/** Whether a change of an attempt is news: signs of life alone are not. */
export function isNews(before: Attempt | undefined, after: Attempt): boolean {
  return (
    before === undefined ||
    before.status !== after.status ||
    before.outcome !== after.outcome ||
    before.worker_id !== after.worker_id ||
    before.metadata !== after.metadata
  )
}

/** Whether an update has changed anything: it makes a new record in any case. */
export function differs(before: Rollout, after: Rollout): boolean {
  return Object.keys(after).some((key) => before[key as keyof Rollout] !== after[key as keyof Rollout])
}
