import type { NewStoreEvent } from '@agl/store-kit'
import type { MemoryState } from './state.ts'

/** Tells those who watch. The event is only made when somebody may ask for it. */
export function emit(state: MemoryState, event: () => NewStoreEvent): void {
  if (state.events.isActive) state.events.append(event())
}
