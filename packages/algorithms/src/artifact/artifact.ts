import { type JsonValue, type NamedResources, namedResourcesSchema, parseOrThrow, type Spend } from '@agl/types'
import { z } from 'zod'
import type { Estimate } from '../statistics.ts'

/** The name of the format, which changes with it. */
export const artifactFormat = 'agl.artifact/1'

/** Under which a finished run keeps its artifact in its state. */
export const artifactKey = 'artifact'

/** Two versions on the same tasks, and the mean of the differences. */
export interface Comparison {
  readonly before: Estimate
  readonly after: Estimate
  /** Paired; clear of zero = more than chance. */
  readonly gain: Estimate
}

/** What came out when the saved artifact was run once more on some of the tasks that its score is from. */
export interface Replay {
  readonly tasks: number
  readonly mean: number
  /** On the same tasks, as the run has it. */
  readonly claimed: number
  /** Paired, replay − claim; widened where the claim is of the scores by which the best of several was picked. */
  readonly difference: Estimate
  /** Whether zero lies in the interval of the difference. */
  readonly agrees: boolean
}

/** One version in the history of what was found. */
export interface LineageEntry {
  readonly id: string
  readonly parents: readonly string[]
  /** The round that made it; 0 = given. */
  readonly round: number
  readonly resources: NamedResources
  /** What led to it; null = it was given, or made of its parents. */
  readonly critique: string | null
  readonly rationale: string | null
  /** On validation tasks; null = not run on any. */
  readonly score: Estimate | null
}

/** What an algorithm has found, with all that is needed to judge and to use it. Values of JSON. */
export interface Artifact {
  readonly format: typeof artifactFormat
  readonly algorithm: string
  /** ISO 8601. */
  readonly createdAt: string
  readonly verdict: 'improved' | 'no_significant_difference' | 'worse'
  /** What was improved, by name. */
  readonly resources: NamedResources
  /** The entry of the lineage that it is. */
  readonly id: string
  readonly val: Comparison | null
  readonly test: Comparison | null
  readonly replay: Replay | null
  readonly lineage: readonly LineageEntry[]
  /** The leader after each round, on the validation tasks it had been run on by then. */
  readonly curve: readonly Estimate[]
  readonly seed: number
  /** Of the tasks, as `hashDataset` makes it. */
  readonly dataHash: { readonly train: string; readonly val: string; readonly test: string }
  readonly spent: Spend
}

/** JSON has no word for a number that is not known, nor for an end that is open: they are null there. */
const orNull = (unknown: number) =>
  z
    .number()
    .nullable()
    .transform((value) => value ?? unknown)
const estimateSchema = z.object({
  mean: orNull(Number.NaN),
  low: orNull(Number.NEGATIVE_INFINITY),
  high: orNull(Number.POSITIVE_INFINITY),
  count: z.int(),
})
const comparisonSchema = z.object({ before: estimateSchema, after: estimateSchema, gain: estimateSchema }).nullable()

const artifactSchema = z.object({
  format: z.literal(artifactFormat),
  algorithm: z.string(),
  createdAt: z.string(),
  verdict: z.enum(['improved', 'no_significant_difference', 'worse']),
  resources: namedResourcesSchema,
  id: z.string(),
  val: comparisonSchema,
  test: comparisonSchema,
  replay: z
    .object({
      tasks: z.int(),
      mean: orNull(Number.NaN),
      claimed: orNull(Number.NaN),
      difference: estimateSchema,
      agrees: z.boolean(),
    })
    .nullable(),
  lineage: z.array(
    z.object({
      id: z.string(),
      parents: z.array(z.string()),
      round: z.int(),
      resources: namedResourcesSchema,
      critique: z.string().nullable(),
      rationale: z.string().nullable(),
      score: estimateSchema.nullable(),
    }),
  ),
  curve: z.array(estimateSchema),
  seed: z.int(),
  dataHash: z.object({ train: z.string(), val: z.string(), test: z.string() }),
  spent: z.looseObject({}),
})

/** Reads what JSON gave. @param what names it in errors: the file */
export function parseArtifact(value: JsonValue, what: string): Artifact {
  return parseOrThrow(artifactSchema, value, what) as unknown as Artifact
}

/** From the first version to what was found: by the parent that was changed, or the first of the two that were merged. */
export function pathTo({ id, lineage }: Pick<Artifact, 'id' | 'lineage'>): readonly LineageEntry[] {
  const path: LineageEntry[] = []
  let next = lineage.find((entry) => entry.id === id)
  while (next !== undefined && !path.includes(next)) {
    path.unshift(next)
    const [parent] = next.parents
    next = lineage.find((entry) => entry.id === parent)
  }
  return path
}
