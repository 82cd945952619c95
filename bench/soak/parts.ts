import type { LightningStore } from '@agl/types'

/** Where a process of the soak finds the store. */
export type Place =
  | { readonly kind: 'http'; readonly urls: readonly string[] }
  | { readonly kind: 'redis'; readonly url: string; readonly namespace: string }

/** Opens the store; tries again while it is away. */
export async function openPlace(place: Place): Promise<LightningStore> {
  // On use: a run without Redis needs no client for it.
  if (place.kind === 'redis') {
    const { createRedisStore } = await import('@agl/store-redis')
    return createRedisStore({ url: place.url, namespace: place.namespace })
  }
  const { createStoreClient } = await import('@agl/store-http/client')
  return untilDone(() => createStoreClient({ urls: place.urls, retry: { attempts: 10, maxMs: 1000 } }))
}

/** Runs what may meet a store that is away, until it is done. */
export async function untilDone<Value>(work: () => Value | Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isPassing(error)) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

function isPassing(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'isRetryable' in error && error.isRetryable === true
}

/** The id of the task with this number. */
export function rolloutIdOf(index: number): string {
  return `soak-${String(index).padStart(6, '0')}`
}
