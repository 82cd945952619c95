import type { LightningStore } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { backOff, retry } from '../retry.ts'

/** Spans read at a time, and how long the store may be away while somebody waits. */
const pageSize = 200
const awayMs = 60_000

/**
 * Waits until a reward of an attempt is in the store. A store tells of no single spans, so it is asked, in the order of arrival and
 * for what is new only: every 100 ms at first and every 5 s in a long silence.
 */
export async function awaitReward(
  store: LightningStore,
  attempt: { readonly rolloutId: string; readonly attemptId: string },
  signal: AbortSignal,
): Promise<number> {
  let seen = 0
  for (let silent = 0; ; silent += 1) {
    signal.throwIfAborted()
    const query = { ...attempt, sortBy: null, offset: seen, limit: pageSize }
    const { items } = await retry(() => store.querySpans(query), { forMs: awayMs, signal })
    const reward = findFinalReward(items)
    if (reward !== null) return reward
    seen += items.length
    if (items.length > 0) silent = 0
    if (items.length < pageSize) await backOff(silent, signal)
  }
}
