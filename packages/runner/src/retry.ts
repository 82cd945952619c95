import { setTimeout as sleep } from 'node:timers/promises'
import { AglError, type Counter } from '@agl/types'

/** Whether a failure of the store is worth another try: what it says of itself; unknown errors are defects and are not. */
export function isRetryable(error: unknown): boolean {
  return AglError.isInstance(error) && error.isRetryable
}

/** Waits before try number `attempt` (0, 1, …): doubling from 100 ms to 5 s, ±25 % so that runners do not march in step. */
export async function backOff(attempt: number, signal?: AbortSignal): Promise<void> {
  const base = Math.min(100 * 2 ** attempt, 5_000)
  await sleep(base * (0.75 + Math.random() * 0.5), undefined, signal === undefined ? {} : { signal })
}

/** Which call is made again, and where that is counted. */
export interface CountedRetries {
  readonly call: string
  readonly retries: Counter<'call'>
}

/** Calls until it works, fails for good, `forMs` is over, or the signal is aborted. */
export async function retry<Result>(
  call: () => Promise<Result>,
  { forMs, signal, counted }: { readonly forMs: number; readonly signal?: AbortSignal; readonly counted?: CountedRetries },
): Promise<Result> {
  const end = performance.now() + forMs
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await call()
    } catch (error) {
      if (!isRetryable(error) || performance.now() >= end) throw error
      counted?.retries.add(1, { call: counted.call })
      await backOff(attempt, signal)
    }
  }
}
