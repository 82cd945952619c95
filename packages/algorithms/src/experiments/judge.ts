import { type OutcomeCounts, tallyOutcomes } from '../collect.ts'
import { bootstrapDifference, type Estimate, estimateGain, estimateMean, pairsOf } from '../statistics.ts'
import { betsFor, type BettingTest, confidenceSequence, createBettingTest } from './betting.ts'
import type { Ledger, Observation } from './ledger.ts'
import { checkValue } from './metrics.ts'
import type { ExperimentSettings } from './options.ts'
import { type ExperimentPlan, planExperiment } from './plan.ts'
import { type ExperimentState, isSameTarget, type Target } from './record.ts'

/** What an arm has shown. */
export interface ArmSummary extends Target {
  readonly arm: string
  /** That were counted. */
  readonly rollouts: number
  readonly keys: number
  readonly outcomes: OutcomeCounts
  /** Means over keys, each with the mean of its rollouts. */
  readonly metrics: Readonly<Record<string, Estimate>>
}

/** An arm held against the control. */
export interface ArmDifference {
  readonly arm: string
  readonly metric: string
  /** Arm − control, over keys: paired where every task is run with every arm, else by bootstrap. Good for one look, at the end. */
  readonly difference: Estimate
  /** Where the difference lies however often one looks; null but for the metric that decides, or where nobody drew lots. */
  readonly anytime: { readonly low: number; readonly high: number } | null
}

/**
 * | verdict | meaning |
 * |---|---|
 * | `undecided` | not enough is known yet |
 * | `better` | the arm is better than the control by the metric that decides |
 * | `worse` | all other arms are worse than the control |
 * | `no_significant_difference` | as much was run as was planned, and no difference shows |
 * | `not_comparable` | arms were given by a feature or fixed: who got which was not drawn by lot |
 */
export type ExperimentVerdict =
  | { readonly kind: 'better'; readonly arm: string }
  | { readonly kind: 'undecided' | 'worse' | 'no_significant_difference' | 'not_comparable' }

/** How an experiment stands. */
export interface ExperimentComparison {
  readonly name: string
  readonly control: string
  /** The metric that decides. */
  readonly primary: string
  readonly verdict: ExperimentVerdict
  readonly arms: readonly ArmSummary[]
  readonly differences: readonly ArmDifference[]
  /** Rollouts that were not finished in time. */
  readonly leftOut: number
  readonly plan: ExperimentPlan
  readonly errorRate: number
}

/** Counts observations in their order, and says after each whether that is enough. */
export interface Judge {
  /** @throws AglError `invalid_argument` for a value outside of the range of its metric */
  add(observation: Observation): void
  /** @param isOver nothing more will come */
  verdict(isOver?: boolean): ExperimentVerdict
  compare(ledger: Pick<Ledger, 'leftOut'>, isOver?: boolean): ExperimentComparison
}

interface Contest {
  readonly better: BettingTest
  readonly worse: BettingTest
  /** Better − worse in units of the range, one for each pair of blocks. */
  readonly differences: number[]
  /** In these, of the arm that has fewer. */
  keys: number
}

interface ArmTally {
  rollouts: number
  readonly outcomes: Observation['outcome'][]
  /** Of each key, its values of each metric. */
  readonly keys: Map<string, Record<string, number[]>>
}

/** @param history of the record, up to now: results of snapshots that an arm no longer has do not count */
export function createJudge(settings: ExperimentSettings, history: readonly ExperimentState[], available: number | null): Judge {
  const { primary, metrics, assign, errorRate, seed, name, isRandomized } = settings
  const { arms, control } = history.at(-1)!
  const treatments = Object.keys(arms).filter((arm) => arm !== control)
  const [low, high] = primary.metric.range
  const width = high - low
  const sign = primary.metric.goal === 'higher' ? 1 : -1
  const shares = betsFor(settings.detect / width)
  const level = (2 * treatments.length) / errorRate
  const plan = planExperiment({ ...settings, order: Object.keys(arms) }, available)
  const weightsOf = new Map(history.map(({ revision, weights }) => [revision, weights]))
  const tallies = new Map<string, ArmTally>(Object.keys(arms).map((arm) => [arm, { rollouts: 0, outcomes: [], keys: new Map() }]))
  const contests = new Map<string, Contest>(
    treatments.map((arm) => [
      arm,
      { better: createBettingTest(shares), worse: createBettingTest(shares), differences: [], keys: 0 },
    ]),
  )
  const pair = assign.by === 'task' ? pairTasks(assign.repetitions ?? 1) : pairBlocks()

  /** @param keys of the arm that has fewer in it */
  function tell(arm: string, difference: number, keys: number = 1): void {
    const contest = contests.get(arm)!
    contest.keys += keys
    contest.differences.push(difference)
    contest.better.add(difference)
    contest.worse.add(-difference)
  }

  /** A task is one difference, once all its repetitions with both arms are there. */
  function pairTasks(repetitions: number): (observation: Observation) => void {
    const tasks = new Map<string, Map<string, (number | null)[]>>()
    const mean = (values: readonly (number | null)[]): number | null => {
      const known = values.filter((value) => value !== null)
      return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length
    }
    return ({ key, arm, values }) => {
      const task = tasks.get(key) ?? new Map<string, (number | null)[]>()
      tasks.set(key, task)
      const own = task.get(arm) ?? []
      task.set(arm, own)
      if (own.length >= repetitions) return
      own.push(values[primary.name] ?? null)
      for (const treatment of arm === control ? treatments : [arm]) {
        const [before, after] = [task.get(control) ?? [], task.get(treatment) ?? []]
        if (before.length < repetitions || after.length < repetitions) continue
        const [one, other] = [mean(before), mean(after)]
        if (one !== null && other !== null) tell(treatment, (sign * (other - one)) / width)
      }
    }
  }

  /**
   * Keys of both arms in the order in which they came, in blocks as the weights are (nine of the one to one of the other at 90 to 10), so that
   * both arms are compared over the same time. A key counts with its first result: what it says afterwards is not independent of that.
   */
  function pairBlocks(): (observation: Observation) => void {
    const seen = new Set<string>()
    const waiting = new Map<string, { readonly before: number[]; readonly after: number[] }>()
    const takeMean = (values: number[], count: number): number =>
      values.splice(0, count).reduce((sum, value) => sum + value, 0) / count
    return ({ key, arm, revision, values }) => {
      const value = values[primary.name] ?? null
      const weights = weightsOf.get(revision)
      if (value === null || weights === undefined || seen.has(key)) return
      seen.add(key)
      for (const treatment of arm === control ? treatments : [arm]) {
        const [one, other] = [weights[control] ?? 0, weights[treatment] ?? 0]
        if (one <= 0 || other <= 0) continue
        const place = `${revision}/${treatment}`
        const blocks = waiting.get(place) ?? { before: [], after: [] }
        waiting.set(place, blocks)
        blocks[arm === control ? 'before' : 'after'].push(value)
        const [ofOne, ofOther] = blocksOf(one, other)
        if (blocks.before.length < ofOne || blocks.after.length < ofOther) continue
        const difference = takeMean(blocks.after, ofOther) - takeMean(blocks.before, ofOne)
        tell(treatment, (sign * difference) / width, Math.min(ofOne, ofOther))
      }
    }
  }

  function verdict(isOver: boolean = false): ExperimentVerdict {
    if (!isRandomized) return { kind: 'not_comparable' }
    const better = treatments.filter((arm) => contests.get(arm)!.better.evidence >= level)
    if (better.length > 0) return { kind: 'better', arm: better.toSorted((a, b) => leadOf(b) - leadOf(a))[0]! }
    const open = treatments.filter((arm) => contests.get(arm)!.worse.evidence < level)
    if (open.length === 0) return { kind: 'worse' }
    const isDone = open.every((arm) => contests.get(arm)!.keys >= plan.perArm)
    return { kind: isOver || isDone ? 'no_significant_difference' : 'undecided' }
  }

  function leadOf(arm: string): number {
    const { differences } = contests.get(arm)!
    return differences.reduce((sum, difference) => sum + difference, 0) / differences.length
  }

  function keyMeans(arm: string, metric: string): ReadonlyMap<string, number> {
    const means = new Map<string, number>()
    for (const [key, values] of tallies.get(arm)!.keys) {
      const own = values[metric]!
      if (own.length > 0) means.set(key, own.reduce((sum, value) => sum + value, 0) / own.length)
    }
    return means
  }

  function differ(arm: string, metric: string): ArmDifference {
    const [before, after] = [keyMeans(control, metric), keyMeans(arm, metric)]
    const keys = [...before.keys()]
    const difference =
      assign.by === 'task'
        ? estimateGain(
            ...pairsOf(
              keys.map((key) => before.get(key)),
              keys.map((key) => after.get(key)),
            ),
          )
        : bootstrapDifference([...before.values()], [...after.values()], seed)
    if (metric !== primary.name || !isRandomized) return { arm, metric, difference, anytime: null }
    const bounds = confidenceSequence(contests.get(arm)!.differences, errorRate / treatments.length, shares)
    const [least, most] = bounds.map((bound) => sign * bound * width).toSorted((a, b) => a - b) as [number, number]
    return { arm, metric, difference, anytime: { low: least, high: most } }
  }

  return {
    add(observation) {
      const { arm, key, values, outcome, rolloutId } = observation
      const tally = tallies.get(arm)
      const wasRun = outcome !== null && outcome !== 'cancelled'
      if (tally === undefined || !wasRun || !isSameTarget(arms[arm]!, observation)) return
      for (const [metric, value] of Object.entries(values)) {
        if (value !== null) checkValue(metric, metrics[metric]!, value, rolloutId)
      }
      tally.rollouts += 1
      tally.outcomes.push(outcome)
      const own = tally.keys.get(key) ?? Object.fromEntries(Object.keys(metrics).map((metric) => [metric, []]))
      tally.keys.set(key, own)
      for (const [metric, value] of Object.entries(values)) if (value !== null) own[metric]!.push(value)
      if (isRandomized) pair(observation)
    },
    verdict,
    compare: ({ leftOut }, isOver = false) => ({
      name,
      control,
      primary: primary.name,
      verdict: verdict(isOver),
      arms: [control, ...treatments].map((arm) => ({
        arm,
        ...arms[arm]!,
        rollouts: tallies.get(arm)!.rollouts,
        keys: tallies.get(arm)!.keys.size,
        outcomes: tallyOutcomes(tallies.get(arm)!.outcomes),
        metrics: Object.fromEntries(
          Object.keys(metrics).map((metric) => [metric, estimateMean([...keyMeans(arm, metric).values()])]),
        ),
      })),
      differences: treatments.flatMap((arm) => Object.keys(metrics).map((metric) => differ(arm, metric))),
      leftOut,
      plan,
      errorRate,
    }),
  }
}

/** Few of each arm, as nearly in proportion to their weights as makes no difference: three and two at 60 to 40, nine and one at 90 to 10. */
function blocksOf(one: number, other: number): readonly [number, number] {
  const ratio = Math.max(one, other) / Math.min(one, other)
  const isNear = (few: number): boolean => Math.abs(Math.round(few * ratio) / few - ratio) <= ratio / 50
  const few = [1, 2, 3, 4, 5].find(isNear) ?? 1
  const many = Math.round(few * ratio)
  return one > other ? [many, few] : [few, many]
}
