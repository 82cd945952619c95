/** How many rollouts each runner takes at a time, where that was changed while runners run. */
export interface LiveConcurrency {
  /** Null: what their settings say. */
  readonly value: number | null
  /** Tells each change until the answer is called. */
  onChange(listener: (concurrency: number) => void): () => void
}

export function createLiveConcurrency(): LiveConcurrency & { set(concurrency: number): void } {
  const listeners = new Set<(concurrency: number) => void>()
  let value: number | null = null
  return {
    get value() {
      return value
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    set(concurrency) {
      value = concurrency
      for (const listener of listeners) listener(concurrency)
    },
  }
}
