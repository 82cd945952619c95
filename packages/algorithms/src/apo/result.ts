import type { JsonValue, NamedResources, Spend } from '@agl/types'
import type { Artifact, Comparison, Replay } from '../artifact/artifact.ts'
import type { Estimate } from '../statistics.ts'
import type { ApoCandidate } from './candidate.ts'
import type { Skip } from './children.ts'

export interface ApoRound {
  /** From 1. */
  readonly round: number
  /** Ids of those that survived, the best first, with their mean in the race. */
  readonly survivors: readonly { readonly id: string; readonly mean: number | null; readonly tasks: number }[]
  /** The first of them on all validation tasks that it has been run on; null = on none. */
  readonly leader: Estimate | null
  /** Ids of the children that raced. */
  readonly children: readonly string[]
  /** Why others were not born. */
  readonly skipped: Readonly<Partial<Record<Skip, number>>>
  /** Since the beginning of the run. */
  readonly spent: Spend
}

export interface SaveOptions {
  /**
   * Runs one task with the resources that were read back from the folder, and answers the reward (null = none). Some of the tasks are
   * run so, and the artifact says whether it scores as claimed.
   */
  readonly replay?: (task: JsonValue, resources: NamedResources) => Promise<number | null>
  /** How many tasks are replayed at most. Default 32. */
  readonly sample?: number
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
  /** Of the tasks, as `hashDataset` makes it. */
  readonly dataHash: Artifact['dataHash']
  /** Whether the search ended before its last round, and why. */
  readonly endedEarly: 'budget' | 'nothing_to_improve' | null
  /** What came out when the saved artifact was run once more; null where it was not saved by the run (`saveTo`). */
  readonly replay: Replay | null
  /** Writes it into a folder: a module to import, `artifact.json`, a report. Not enumerable. */
  save(folder: string, options?: SaveOptions): Promise<Artifact>
}
