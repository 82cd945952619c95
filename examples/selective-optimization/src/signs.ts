import { setTimeout } from 'node:timers/promises'
import { scoreOf } from '@agl/algorithms'
import type { LightningStore, ResourcesUpdate } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import type { SignTask } from './agents.ts'

/** Has signs written, and knows what became of them. */
export interface SignWriter {
  write(count: number): Promise<void>
  whileWriting<Value>(work: () => Promise<Value>): Promise<Value>
  judge(): Promise<{ readonly written: number; readonly good: number; readonly versions: readonly string[] }>
}

/** @param pinned null: signs take the latest resources of the store, whichever they are */
export function createSignWriter(store: LightningStore, pinned: ResourcesUpdate | null, signal: AbortSignal): SignWriter {
  const rolloutIds: string[] = []
  async function write(count: number): Promise<void> {
    const rollouts = Array.from({ length: count }, (_, index) => {
      const input: SignTask = { agent: 'signs', item: 'lamp', price: 3 + index }
      const pin = pinned === null ? {} : { resources_id: pinned.resources_id, resources_version: pinned.version }
      return { input: { ...input }, ...pin }
    })
    const enqueued = await store.enqueueManyRollouts({ rollouts })
    rolloutIds.push(...enqueued.map(({ rollout_id: rolloutId }) => rolloutId))
  }
  return {
    write,
    async whileWriting(work) {
      const done = new AbortController()
      const writing = (async () => {
        while (!done.signal.aborted) {
          await write(5)
          await setTimeout(100, undefined, { signal: done.signal }).catch(() => {})
        }
      })()
      try {
        return await work()
      } finally {
        done.abort()
        await writing
      }
    },
    async judge() {
      const finished = await store.waitForRollouts({ rolloutIds, signal })
      const versions = new Set(finished.map((rollout) => `${rollout.resources_id}@${rollout.resources_version}`))
      const scores = await Promise.all(
        rolloutIds.map(async (rolloutId) => {
          const [attempt, { items }] = [await store.getLatestAttempt({ rolloutId }), await store.querySpans({ rolloutId })]
          return scoreOf(attempt, findFinalReward(items), 0)
        }),
      )
      return { written: rolloutIds.length, good: scores.filter((score) => score === 1).length, versions: [...versions] }
    },
  }
}
