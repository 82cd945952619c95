import type { Clock } from './clock.ts'

/** One parked call: a promise with everything that can end it, each of which cleans up after the others. */
export interface Parked<Value> {
  readonly promise: Promise<Value>
  /** Ends the wait with a value; false when it has ended before, and the value was not taken. */
  resolve(value: Value): boolean
  reject(reason: unknown): boolean
}

/**
 * Parks a call until it is resolved, its time is over, or its signal is aborted; the process stays alive for it. When it ends, its timer is cancelled,
 * its abort listener removed and `onEnd` called, before anybody awaiting it continues.
 */
export function park<Value>(parts: {
  readonly clock: Clock
  /** Null: no limit. */
  readonly timeoutMs: number | null
  readonly signal: AbortSignal | undefined
  /** What a wait whose time is over resolves to; it rejects with what this throws. */
  readonly onTimeout: () => Value
  readonly onEnd: () => void
}): Parked<Value> {
  const { clock, timeoutMs, signal } = parts
  const { promise, resolve, reject } = Promise.withResolvers<Value>()
  let isOver = false
  const end = (): boolean => {
    if (isOver) return false
    isOver = true
    cancelTimer()
    signal?.removeEventListener('abort', onAbort)
    parts.onEnd()
    return true
  }
  const parked: Parked<Value> = {
    promise,
    resolve(value) {
      const isFirst = end()
      if (isFirst) resolve(value)
      return isFirst
    },
    reject(reason) {
      const isFirst = end()
      if (isFirst) reject(reason)
      return isFirst
    },
  }
  const onAbort = (): void => void parked.reject(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  const cancelTimer = clock.wait(timeoutMs ?? Number.POSITIVE_INFINITY, () => {
    if (isOver) return
    // Thrown out of a timer it would end the process.
    try {
      parked.resolve(parts.onTimeout())
    } catch (error) {
      parked.reject(error)
    }
  })
  return parked
}
