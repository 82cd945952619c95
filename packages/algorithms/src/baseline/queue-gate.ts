import { AglError, type LightningStore, type RolloutStatus } from '@agl/types'

/** Lets rollouts into the queue of a store only while it is shorter than its bound. */
export interface QueueGate {
  /** Waits until there is room; answers for how many, at least 1. */
  room(): Promise<number>
  /** Ends the feed. */
  close(): void
}

const waiting: readonly RolloutStatus[] = ['queuing', 'requeuing']

/**
 * Looks again when the feed of the store tells that a rollout left the queue. A store that has no feed is asked to wait until one
 * of those in the queue is finished, which is later but never wrong.
 */
export async function openQueueGate(store: LightningStore, maxQueueLength: number, signal: AbortSignal): Promise<QueueGate> {
  const closing = new AbortController()
  const stop = AbortSignal.any([signal, closing.signal])
  let change = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<boolean>()

  async function follow(): Promise<void> {
    for await (const event of store.watch({ signal: stop, onOpen: () => opened.resolve(true) })) {
      if (event.type !== 'rollout' || waiting.includes(event.rollout.status)) continue
      change.resolve()
      change = Promise.withResolvers()
    }
  }

  follow().catch((error: unknown) => {
    const hasNoFeed = AglError.isInstance(error, 'not_supported') || AglError.isInstance(error, 'not_supported_by_server')
    if (hasNoFeed) return opened.resolve(false)
    // Whoever waits hears it; when nobody does, there is nobody to tell.
    change.promise.catch(() => {})
    change.reject(error)
    opened.reject(error)
  })
  const hasFeed = await opened.promise

  return {
    async room() {
      for (;;) {
        stop.throwIfAborted()
        // Taken before the look, so that what changes meanwhile is not missed.
        const changed = change.promise
        const { items, total } = await store.queryRollouts({ statusIn: waiting, limit: maxQueueLength })
        if (total < maxQueueLength) return maxQueueLength - total
        if (hasFeed) await changed
        else await store.waitForRollouts({ rolloutIds: items.map((item) => item.rollout_id), atLeast: 1, signal: stop })
      }
    },
    close: () => closing.abort(),
  }
}
