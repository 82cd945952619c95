import type { Spend } from '@agl/types'
import type { Estimate } from '../statistics.ts'
import type { ApoCandidate } from './candidate.ts'
import type { Skip } from './children.ts'

/** Two prompts on the same tasks, and the mean of the differences. */
export interface Comparison {
  readonly before: Estimate
  readonly after: Estimate
  /** Paired; clear of zero = more than chance. */
  readonly gain: Estimate
}

export interface ApoRound {
  /** From 1. */
  readonly round: number
  /** Ids of those that survived, the best first, with their mean in the race. */
  readonly survivors: readonly { readonly id: string; readonly mean: number | null; readonly tasks: number }[]
  /** Ids of the children that raced. */
  readonly children: readonly string[]
  /** Why others were not born. */
  readonly skipped: Readonly<Partial<Record<Skip, number>>>
  /** Since the beginning of the run. */
  readonly spent: Spend
}

/** What an APO run found. */
export interface ApoResult {
  /**
   * Whether the kept prompt is better than the first one, by the test tasks where there are any, else by the validation tasks, with the
   * interval widened for having picked the best of several.
   */
  readonly verdict: 'improved' | 'no_significant_difference' | 'worse'
  readonly best: ApoCandidate
  readonly first: ApoCandidate
  /** The kept prompt among all resources, in the store; also under the alias `best` where the store has aliases. */
  readonly resourcesId: string
  readonly resourcesVersion: number
  /** On the validation tasks, by which it was chosen: flattering. Null without an initial validation. */
  readonly val: Comparison | null
  /** On the test tasks, which had no part in any choice; null without any. */
  readonly test: Comparison | null
  readonly rounds: readonly ApoRound[]
  /** Every prompt that was tried, with its mean over the validation tasks it was run on. */
  readonly lineage: readonly (ApoCandidate & { readonly val: Estimate | null })[]
  /** Evaluations that were left out of every mean, by how they ended. */
  readonly leftOut: Readonly<Record<string, number>>
  readonly spent: Spend
  readonly seed: number
  /** SHA-256 of the training, validation and test tasks. */
  readonly dataHash: string
  /** Whether the search ended before its last round, and why. */
  readonly endedEarly: 'budget' | 'nothing_to_improve' | null
}
