/**
 * Writes what comes one batch after the other, each with all that has come while the one before was written.
 * @param write has kept all of the batch when it resolves
 */
export function createWriteBehind<Item>(write: (batch: readonly Item[]) => Promise<void>): {
  /** Resolves when the item is kept. */
  add(item: Item): Promise<void>
} {
  let waiting: Item[] = []
  let next: Promise<void> | null = null
  let last: Promise<void> = Promise.resolve()

  return {
    add(item) {
      waiting.push(item)
      next ??= last
        .catch(() => {})
        .then(async () => {
          const batch = waiting
          waiting = []
          next = null
          await write(batch)
        })
      last = next
      return next
    },
  }
}
