import type { JsonValue, RunState } from '@agl/types'

/** A state that ends with the process. */
export function createMemoryState(): RunState {
  const values = new Map<string, JsonValue>()
  return Object.freeze<RunState>({
    load: async (key) => values.get(key),
    save: async (key, value) => void values.set(key, structuredClone(value)),
  })
}
