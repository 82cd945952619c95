import type { LightningStore, StoreEvent } from '@agl/types'

/** A watch that has begun: what is written from now on comes out of it. */
export interface Watcher {
  /** The next events, as many as asked for. */
  take(count: number): Promise<readonly StoreEvent[]>
  /** The events up to the first that fits, which is the last of them. */
  until(isLast: (event: StoreEvent) => boolean): Promise<readonly StoreEvent[]>
  readonly pending: Promise<IteratorResult<StoreEvent>>
  close(): Promise<void>
}

export function watcherOf(store: LightningStore, request: Parameters<LightningStore['watch']>[0] = {}): Watcher {
  const iterator = store.watch(request)[Symbol.asyncIterator]()
  // Asked for at once: a watch that is made lazily begins with the first question.
  let pending = iterator.next()
  pending.catch(() => {})
  const next = async (): Promise<StoreEvent> => {
    const result = await pending
    if (result.done === true) throw new Error('the feed has ended')
    pending = iterator.next()
    pending.catch(() => {})
    return result.value
  }
  return {
    async take(count) {
      const events: StoreEvent[] = []
      while (events.length < count) events.push(await next())
      return events
    },
    async until(isLast) {
      const events: StoreEvent[] = []
      do events.push(await next())
      while (!isLast(events.at(-1)!))
      return events
    },
    get pending() {
      return pending
    },
    async close() {
      await iterator.return?.()
    },
  }
}
