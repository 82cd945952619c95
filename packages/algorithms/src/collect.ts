import {
  type AlgorithmContext,
  AglError,
  type Attempt,
  type AttemptedRollout,
  type AttemptOutcome,
  type EnqueueRolloutRequest,
  type Rollout,
  type Span,
} from '@agl/types'
import { findFinalReward } from '@agl/types/spans'

/** A finished rollout with everything an algorithm learns from. */
export interface CollectedRollout {
  readonly rollout: Rollout
  /** The latest attempt; null when the rollout was cancelled before anybody claimed it. */
  readonly attempt: Attempt | null
  /** Spans of that attempt. */
  readonly spans: readonly Span[]
  /** What the agent was given for it; null when there is none. */
  readonly reward: number | null
  /** The reward by policy: see {@link scoreOf}; null = left out. */
  readonly score: number | null
}

/** How many ended how. */
export type OutcomeCounts = Readonly<Partial<Record<AttemptOutcome | 'none', number>>>

export interface CollectOptions {
  /** What counts for an agent that failed or ran out of time. Default 0. */
  readonly worstReward?: number
  /** Told after each rollout that finished. */
  readonly onFinished?: (done: number, total: number) => void
}

/**
 * Enqueues rollouts, waits for all of them, and reads back what they left in the store, in the order of the requests.
 * @throws AglError `training_failed` when one of them is gone from the store
 */
export async function collectRollouts(
  { store, signal }: Pick<AlgorithmContext, 'store' | 'signal'>,
  requests: readonly EnqueueRolloutRequest[],
  { worstReward = 0, onFinished }: CollectOptions = {},
): Promise<readonly CollectedRollout[]> {
  if (requests.length === 0) return []
  const enqueued = await store.enqueueManyRollouts({ rollouts: requests })
  let done = 0
  return await Promise.all(
    enqueued.map(async ({ rollout_id: rolloutId }) => {
      await store.waitForRollouts({ rolloutIds: [rolloutId], signal })
      const rollout = await store.getRolloutById({ rolloutId })
      if (rollout === null) {
        throw new AglError({
          code: 'training_failed',
          message: `Rollout ${rolloutId} disappeared from the store while it was waited for.`,
        })
      }
      const attempt = 'attempt' in rollout ? (rollout as AttemptedRollout).attempt : null
      const { items: spans } = await store.querySpans({ rolloutId, attemptId: 'latest', sortBy: 'sequence_id' })
      const reward = findFinalReward(spans)
      done += 1
      onFinished?.(done, enqueued.length)
      return { rollout, attempt, spans, reward, score: scoreOf(attempt, reward, worstReward) }
    }),
  )
}

/**
 * The policy per outcome: what the agent did wrong (`agent_error`, `timeout`) counts as the worst score; what we did wrong,
 * a cancelled rollout, and an agent that ended well without a reward are left out: a missing reward is never silently 0.
 */
export function scoreOf(attempt: Attempt | null, reward: number | null, worstReward: number): number | null {
  const outcome = attempt?.outcome ?? null
  switch (outcome) {
    case 'scored':
      return reward
    case 'agent_error':
    case 'timeout':
    case 'invalid':
      return worstReward
    case 'completed':
    case 'infra_error':
    case 'cancelled':
    case 'unresponsive':
    case null:
      return null
    default:
      return outcome satisfies never
  }
}

/** How many rollouts ended how, for reports. */
export function countOutcomes(collected: readonly CollectedRollout[]): OutcomeCounts {
  const counts: Partial<Record<AttemptOutcome | 'none', number>> = {}
  for (const { attempt } of collected) {
    const outcome = attempt?.outcome ?? 'none'
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  return counts
}
