import {
  AglError,
  type AlgorithmContext,
  type Attempt,
  type AttemptOutcome,
  type EnqueueRolloutRequest,
  parseOptions,
  type Rollout,
  type RolloutConfig,
  type Span,
} from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { z } from 'zod'

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
  /** Given each rollout as it finishes, with its place among the requests; what it returns is waited for. */
  readonly onCollected?: (collected: CollectedRollout, index: number) => Promise<void> | void
  /** Rollouts that have not finished so many milliseconds after they were enqueued are cancelled. Default: never. */
  readonly timeoutMs?: number | null
}

/**
 * The policy of rollouts that bring none of their own: what we did wrong is tried again, up to three tries in all; what the
 * agent did wrong is not.
 */
export const collectConfig: Readonly<Pick<RolloutConfig, 'max_attempts' | 'retry_outcomes'>> = Object.freeze({
  max_attempts: 3,
  retry_outcomes: Object.freeze(['infra_error', 'unresponsive'] as const),
})

const optionsSchema = z.strictObject({
  worstReward: z.number().optional(),
  onFinished: z.custom<NonNullable<CollectOptions['onFinished']>>((value) => typeof value === 'function').optional(),
  onCollected: z.custom<NonNullable<CollectOptions['onCollected']>>((value) => typeof value === 'function').optional(),
  timeoutMs: z.number().positive().nullable().optional(),
})

/**
 * Enqueues rollouts, waits for all of them, and reads back what they left in the store, in the order of the requests. When
 * that is cut short, by the signal or an error, those that have not finished are cancelled: nothing is left behind for the
 * next run to stumble over.
 * @throws AglError `training_failed` when one of them is gone from the store
 */
export async function collectRollouts(
  { store, signal }: Pick<AlgorithmContext, 'store' | 'signal'>,
  requests: readonly EnqueueRolloutRequest[],
  options: CollectOptions = {},
): Promise<readonly CollectedRollout[]> {
  const { worstReward, onFinished, onCollected, timeoutMs } = parseOptions(
    optionsSchema,
    options,
    { worstReward: 0, timeoutMs: null },
    'options of collectRollouts',
  )
  if (requests.length === 0) return []
  const rollouts = requests.map((request) => ({ ...request, config: request.config ?? collectConfig }))
  const enqueued = await store.enqueueManyRollouts({ rollouts })
  const failed = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])
  let done = 0

  async function collect({ rollout_id: rolloutId }: Rollout, index: number): Promise<CollectedRollout> {
    if (timeoutMs !== null) {
      const finished = await store.waitForRollouts({ rolloutIds: [rolloutId], timeoutMs, signal: stop })
      if (finished.length === 0) await store.cancelRollouts({ rolloutIds: [rolloutId] })
    }
    const collected = await collectRollout({ store, signal: stop }, rolloutId, worstReward)
    await onCollected?.(collected, index)
    done += 1
    onFinished?.(done, enqueued.length)
    return collected
  }

  try {
    return await Promise.all(enqueued.map(collect))
  } catch (error) {
    failed.abort(error)
    // A store that cannot be reached any more keeps them; the error that led here is the one to tell.
    await store.cancelRollouts({ rolloutIds: enqueued.map(({ rollout_id: rolloutId }) => rolloutId) }).catch(() => {})
    throw error
  }
}

/**
 * Waits for a rollout and reads back what it left in the store.
 * @throws AglError `training_failed` when it is gone from the store
 */
export async function collectRollout(
  { store, signal }: Pick<AlgorithmContext, 'store' | 'signal'>,
  rolloutId: string,
  worstReward: number,
): Promise<CollectedRollout> {
  await store.waitForRollouts({ rolloutIds: [rolloutId], signal })
  const rollout = await store.getRolloutById({ rolloutId })
  if (rollout === null) {
    const message = `Rollout ${rolloutId} disappeared from the store while it was waited for.`
    throw new AglError({ code: 'training_failed', message })
  }
  const attempt = 'attempt' in rollout ? rollout.attempt : null
  const { items: spans } = await store.querySpans({ rolloutId, attemptId: 'latest' })
  const reward = findFinalReward(spans)
  return { rollout, attempt, spans, reward, score: scoreOf(attempt, reward, worstReward) }
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
  return tallyOutcomes(collected.map(({ attempt }) => attempt?.outcome ?? null))
}

/** The same, where only the outcomes are there; null = no attempt, or not settled. */
export function tallyOutcomes(outcomes: readonly (AttemptOutcome | null)[]): OutcomeCounts {
  const counts: Partial<Record<AttemptOutcome | 'none', number>> = {}
  for (const outcome of outcomes) counts[outcome ?? 'none'] = (counts[outcome ?? 'none'] ?? 0) + 1
  return counts
}

/** Why an attempt failed, as its runner wrote it down; null when it did not say. */
export function reasonOf(attempt: Attempt | null): string | null {
  const error = attempt?.metadata?.['error']
  const isReason = typeof error === 'object' && error !== null && 'message' in error
  return isReason && typeof error['message'] === 'string' ? error['message'] : null
}
