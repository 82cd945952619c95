import type { AttemptOutcome } from '@agl/types'
import { type OutcomeCounts, tallyOutcomes } from '../collect.ts'
import { type Estimate, estimateMean } from '../statistics.ts'

/** One rollout of a baseline run. */
export interface BaselineRollout {
  readonly rolloutId: string
  /** Counted from 0. */
  readonly epoch: number
  readonly mode: 'train' | 'val'
  /** Of the last attempt; null when there was none. */
  readonly outcome: AttemptOutcome | null
  /** What the agent was given for it; null when there is none. */
  readonly reward: number | null
  /** The reward by the policy per outcome; null = left out. */
  readonly score: number | null
  /** Why the agent failed, as its runner wrote it down. */
  readonly reason: string | null
  /** How many attempts it took. */
  readonly attempts: number
  /** From being enqueued to its end, in milliseconds; null when the store does not say. */
  readonly durationMs: number | null
  /** How many spans its last attempt left. */
  readonly spans: number
  /** What the adapter threw at these spans; null when it took them. */
  readonly adapterError: string | null
}

/** What a baseline run found. */
export interface BaselineResult {
  /** By epoch, training before validation, in the order of the datasets. */
  readonly rollouts: readonly BaselineRollout[]
  readonly outcomes: OutcomeCounts
  /** Over the scores of all rollouts; those that are left out are not in its count. */
  readonly reward: Estimate
  readonly trainReward: Estimate
  readonly valReward: Estimate
  /** What a real run would suffer from, a line each; empty = agent, reward, spans and adapter work together. */
  readonly problems: readonly string[]
}

export function summarize(rollouts: readonly BaselineRollout[]): BaselineResult {
  const outcomes = tallyOutcomes(rollouts.map(({ outcome }) => outcome))
  return {
    rollouts,
    outcomes,
    reward: estimateScores(rollouts),
    trainReward: estimateScores(rollouts.filter(({ mode }) => mode === 'train')),
    valReward: estimateScores(rollouts.filter(({ mode }) => mode === 'val')),
    problems: findProblems(rollouts, outcomes),
  }
}

function estimateScores(rollouts: readonly BaselineRollout[]): Estimate {
  return estimateMean(rollouts.flatMap(({ score }) => (score === null ? [] : [score])))
}

function findProblems(rollouts: readonly BaselineRollout[], outcomes: OutcomeCounts): readonly string[] {
  if (rollouts.length === 0) return ['Both datasets are empty: nothing was run.']
  const of = (count: number): string => `${count} of ${rollouts.length} rollouts`
  const problems = Object.entries(outcomes)
    .filter(([outcome]) => outcome !== 'scored')
    .map(([outcome, count]) => {
      if (outcome === 'completed')
        return `${of(count)} ended well but without a reward: the agent has to return one, or emit one.`
      const reason = rollouts.find((rollout) => (rollout.outcome ?? 'none') === outcome && rollout.reason !== null)?.reason
      return `${of(count)} ended as ${outcome}${reason == null ? '.' : `; one of them with: ${reason}`}`
    })
  const refused = rollouts.filter(({ adapterError }) => adapterError !== null)
  if (refused.length > 0) problems.push(`The adapter failed on the spans of ${of(refused.length)}: ${refused[0]!.adapterError}`)
  return problems
}
