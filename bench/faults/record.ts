import { isFinished, isLive } from '@agl/store-kit'
import type { Attempt, LightningStore, Rollout, Worker } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { nextTimer } from '../lib/loop-delay.ts'
import { untilTold, type Watcher } from '../soak/judge.ts'
import { untilDone } from '../soak/parts.ts'

/** What a store holds when all is over, as data. */
export interface RunRecord {
  readonly rollouts: readonly Rollout[]
  readonly attempts: readonly Attempt[]
  readonly spans: readonly StoredSpan[]
  /** Final reward by attempt id, where there is one. */
  readonly rewards: Readonly<Record<string, number>>
  readonly workers: readonly Worker[]
  /** The rollout that a new runner got; null = nothing, as it must be when all are finished. */
  readonly freshClaim: string | null
  /** How often each rollout was finished, by the feed. */
  readonly endings: Readonly<Record<string, number>>
  /** The feed could not be followed without a gap. */
  readonly hasGap: boolean
}

export interface StoredSpan {
  readonly attemptId: string
  readonly spanId: string
  readonly sequenceId: number
}

/** The ids of attempts that somebody holds. */
export async function heldAttempts(store: LightningStore): Promise<readonly string[]> {
  return (await attemptsOf(store)).filter(({ status }) => isLive(status)).map(({ attempt_id: id }) => id)
}

/** Waits until nothing is held, as it must be within some leases of those that were left; goes on when the time is over. */
export async function untilQuiet(store: LightningStore, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs
  while (performance.now() < end) {
    if ((await untilDone(() => heldAttempts(store))).length === 0) return
    await nextTimer(100)
  }
}

/** Reads everything, and tries what a new runner would get. */
export async function readRecord(store: LightningStore, watcher: Watcher): Promise<RunRecord> {
  const { items: rollouts } = await untilDone(() => store.queryRollouts())
  const areFinished = rollouts.every(({ status }) => isFinished(status))
  const fresh = areFinished ? await untilDone(() => store.dequeueRollout({ workerId: 'fresh' })) : null
  const attempts = await untilDone(() => attemptsOf(store))
  const spans: StoredSpan[] = []
  const rewards: Record<string, number> = {}
  for (const { rollout_id: rolloutId } of rollouts) {
    const { items } = await untilDone(() => store.querySpans({ rolloutId }))
    for (const span of items) spans.push({ attemptId: span.attempt_id, spanId: span.span_id, sequenceId: span.sequence_id })
    for (const [attemptId, own] of Map.groupBy(items, (span) => span.attempt_id)) {
      const reward = findFinalReward(own)
      if (reward !== null) rewards[attemptId] = reward
    }
  }
  const { items: workers } = await untilDone(() => store.queryWorkers())
  const finished = rollouts.filter(({ status }) => isFinished(status))
  await untilTold(watcher, finished.length)
  await watcher.stop()
  return {
    rollouts,
    attempts,
    spans,
    rewards,
    workers,
    freshClaim: fresh === null ? null : fresh.rollout_id,
    endings: Object.fromEntries(watcher.endings),
    hasGap: watcher.hasGap,
  }
}

async function attemptsOf(store: LightningStore): Promise<readonly Attempt[]> {
  const { items: rollouts } = await store.queryRollouts()
  const pages = await Promise.all(rollouts.map(({ rollout_id: rolloutId }) => store.queryAttempts({ rolloutId })))
  return pages.flatMap(({ items }) => items)
}
