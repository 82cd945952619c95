import { AglError, type Dataset, parseOptions, parseOrThrow } from '@agl/types'
import { z } from 'zod'
import { createRandom } from '../random.ts'
import { canonicalJson } from './canonical-json.ts'

export interface SplitOptions<Task> {
  /** The same seed gives the same splits of the same dataset. A whole number; default 0. */
  readonly seed?: number
  /**
   * Tasks with the same key go into the same split: near-duplicates, questions about one document, turns of one user. Otherwise the test
   * tells how well what was seen is remembered. Default: tasks that are equal.
   */
  readonly by?: (task: Task, index: number) => string | number
}

export type Splits<Name extends string, Task> = Readonly<Record<Name, readonly Task[]>>

const optionsSchema = z.strictObject({
  seed: z.int().optional(),
  by: z.custom((value) => typeof value === 'function', { error: 'expected a function that gives the key of a task' }).optional(),
})
const fractionsSchema = z.record(z.string(), z.number().positive({ error: 'expected a fraction above 0' }).max(1))

/**
 * Deals a dataset out at random: `splitDataset(tasks, { train: 0.6, val: 0.2, test: 0.2 }, { seed: 1 })`. No task is in two splits, equal tasks
 * are in the same one, and each split keeps the order of the dataset. Sizes are exact (largest remainder), unless groups of
 * several tasks (`by`, equal tasks) do not fit; then as close as dealing out the largest groups first comes.
 * @throws AglError `invalid_argument` when a split would be empty, or `by` gives equal tasks different keys
 */
export function splitDataset<Task, Name extends string>(
  dataset: Dataset<Task>,
  fractions: Readonly<Record<Name, number>>,
  options: SplitOptions<Task> = {},
): Splits<Name, Task> {
  const { seed, by } = parseOptions(optionsSchema, options, { seed: 0 }, 'options of splitDataset')
  parseOrThrow(fractionsSchema, fractions, 'fractions of splitDataset')
  const names = Object.keys(fractions) as Name[]
  const sum = names.reduce((total, name) => total + fractions[name], 0)
  if (Math.abs(sum - 1) > 1e-6) {
    const message = `The fractions of splitDataset must add up to 1; ${JSON.stringify(fractions)} add up to ${sum}.`
    throw new AglError({ code: 'invalid_argument', message })
  }

  const groups = groupTasks(dataset, by)
  const sizes = exactSizes(
    dataset.length,
    names.map((name) => fractions[name]),
  )
  const dealt = deal(createRandom(seed).shuffle(groups), sizes)
  const splits = Object.fromEntries(
    names.map((name, split) => [name, dealt[split]!.sort((a, b) => a - b).map((index) => dataset[index]!)]),
  ) as unknown as Splits<Name, Task>

  const empty = names.filter((name) => splits[name].length === 0)
  if (empty.length > 0) {
    const message =
      `Not enough for ${names.length} splits: ${empty.join(', ')} would be empty. There are ${dataset.length} tasks in ${groups.length} ` +
      'groups that have to stay together; bring more tasks, or give the small splits a larger fraction.'
    throw new AglError({ code: 'invalid_argument', message })
  }
  // Without `by` equal tasks are one group.
  const [shared] = by === undefined ? [] : findSharedTasks(splits)
  if (shared !== undefined) {
    const message = `\`by\` gives equal tasks different keys, so that they are in ${shared.splits.join(' and ')}: ${quote(shared.task)}.`
    throw new AglError({ code: 'invalid_argument', message })
  }
  return splits
}

/** A task that is in several splits. */
export interface SharedTask<Name extends string, Task> {
  readonly task: Task
  readonly splits: readonly Name[]
  /** How many times it is there, in all splits. */
  readonly count: number
}

/**
 * Tasks that several splits share, for splits that were made elsewhere (files `train.jsonl` and `test.jsonl`): what was learnt from proves
 * nothing when it is tested. Empty = none.
 */
export function findSharedTasks<Name extends string, Task>(
  splits: Readonly<Record<Name, Dataset<Task>>>,
): readonly SharedTask<Name, Task>[] {
  const found = new Map<string, { task: Task; splits: Set<Name>; count: number }>()
  for (const [name, dataset] of Object.entries(splits) as [Name, Dataset<Task>][]) {
    for (let index = 0; index < dataset.length; index += 1) {
      const task = dataset[index]!
      const key = canonicalJson(task, `task ${index} of ${name}`)
      const entry = found.get(key) ?? { task, splits: new Set(), count: 0 }
      found.set(key, entry)
      entry.splits.add(name)
      entry.count += 1
    }
  }
  return [...found.values()].filter((entry) => entry.splits.size > 1).map((entry) => ({ ...entry, splits: [...entry.splits] }))
}

/** Indices of the tasks that stay together. */
function groupTasks<Task>(dataset: Dataset<Task>, by: SplitOptions<Task>['by']): readonly (readonly number[])[] {
  const groups = new Map<string | number, number[]>()
  for (let index = 0; index < dataset.length; index += 1) {
    const task = dataset[index]!
    const key: unknown = by === undefined ? canonicalJson(task, `task ${index}`) : by(task, index)
    if (typeof key !== 'string' && typeof key !== 'number') {
      const message = `\`by\` has to give a text or a number for every task; for task ${index} it gave ${typeof key}: ${quote(task)}.`
      throw new AglError({ code: 'invalid_argument', message })
    }
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [index])
    else group.push(index)
  }
  return [...groups.values()]
}

/** Whole sizes that add up to `total`: rounded down, and what is left goes to those that lost most. */
function exactSizes(total: number, fractions: readonly number[]): readonly number[] {
  const shares = fractions.map((fraction) => fraction * total)
  const sizes = shares.map(Math.floor)
  const left = total - sizes.reduce((sum, size) => sum + size, 0)
  const losers = shares.map((share, split) => ({ split, lost: share - sizes[split]! })).sort((a, b) => b.lost - a.lost)
  for (const { split } of losers.slice(0, left)) sizes[split]! += 1
  return sizes
}

/** The largest groups first, each to where most is missing. Groups of one fill every split exactly. */
function deal(groups: readonly (readonly number[])[], sizes: readonly number[]): readonly number[][] {
  const dealt: number[][] = sizes.map(() => [])
  const missing = [...sizes]
  for (const group of groups.toSorted((a, b) => b.length - a.length)) {
    const split = missing.indexOf(Math.max(...missing))
    dealt[split]!.push(...group)
    missing[split]! -= group.length
  }
  return dealt
}

function quote(task: unknown): string {
  return (JSON.stringify(task) ?? String(task)).slice(0, 200)
}
