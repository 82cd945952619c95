import { AglError, type AttemptOutcome, type JsonObject, type Rollout } from '@agl/types'
import { findRewards } from '@agl/types/spans'
import { type CollectedRollout, scoreOf } from '../collect.ts'
import { priceOf, type Prices } from '../run/prices.ts'
import { usageOf } from '../run/transcript.ts'

/** What is measured of each rollout. */
export interface Metric {
  /** Which way is better. */
  readonly goal: 'higher' | 'lower'
  /** The least and the most that a value can be; needed of the primary metric and of guarded ones: what is sure of a mean depends on it. */
  readonly range: readonly [number, number] | null
  /** Null: nothing can be said of this rollout, and it is left out. */
  read(collected: CollectedRollout): number | null
}

/** Names of what an experiment leaves on its rollouts. */
export const experimentNames = {
  /** A label: the name of the experiment. */
  experiment: 'agl.experiment',
  /** A label. */
  arm: 'agl.experiment.arm',
  /** A field of the metadata: see {@link Placement}. */
  placement: 'agl.experiment',
  /** A label of the rollout that is the record of an experiment; its spans are the history. */
  record: 'agl.experiment.record',
  entrySpan: 'agl.experiment.entry',
  entry: 'agl.experiment.entry.json',
} as const

/** What the metadata of a rollout says of its place in the experiment. */
export interface Placement {
  readonly key: string
  /** Of the record, when the arm was chosen. */
  readonly revision: number
  /** What was measured where no runner was, by metric. */
  readonly values: Readonly<Record<string, number>> | null
}

export function placementOf({ metadata }: Pick<Rollout, 'metadata'>): Placement | null {
  const found = metadata?.[experimentNames.placement]
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return null
  const { key, revision, values = null } = found as JsonObject
  if (typeof key !== 'string' || typeof revision !== 'number') return null
  return { key, revision, values: values as Placement['values'] }
}

/** Whether it was served without a runner. */
function wasRecorded(rollout: Rollout): boolean {
  return (placementOf(rollout)?.values ?? null) !== null
}

/** The reward, or one dimension of it. What the agent did wrong counts as the worst (see {@link scoreOf}); what we did wrong is left out. */
function reward(options: { readonly dimension?: string; readonly range?: readonly [number, number] } = {}): Metric {
  const { dimension = null, range = [0, 1] } = options
  return {
    goal: 'higher',
    range,
    read({ attempt, spans, reward: primary }) {
      const value = dimension === null ? primary : dimensionOf(spans, dimension)
      return attempt?.outcome === 'scored' && value === null ? null : scoreOf(attempt, value, range[0])
    },
  }
}

function dimensionOf(spans: CollectedRollout['spans'], name: string): number | null {
  const last = findRewards(spans).findLast(({ dimensions }) => dimensions.some((dimension) => dimension.name === name))
  return last?.dimensions.find((dimension) => dimension.name === name)?.value ?? null
}

const ended: ReadonlySet<AttemptOutcome> = new Set(['scored', 'completed', 'agent_error', 'timeout', 'invalid'])

/** 1 where the rollout ended with one of these outcomes, else 0; what we did wrong is left out. Default: ended without an error. */
function outcome(options: { readonly outcomes?: readonly AttemptOutcome[] } = {}): Metric {
  const { outcomes = ['scored', 'completed'] } = options
  return {
    goal: 'higher',
    range: [0, 1],
    read({ attempt }) {
      if (attempt === null || attempt.outcome === null) return null
      if (!ended.has(attempt.outcome) && !outcomes.includes(attempt.outcome)) return null
      return outcomes.includes(attempt.outcome) ? 1 : 0
    },
  }
}

/** US dollars for all model calls that a rollout recorded, its grader's included. More than `most`, which closes the range, counts as that. */
function cost({ prices, most = null }: { readonly prices: Prices; readonly most?: number | null }): Metric {
  return {
    goal: 'lower',
    range: most === null ? null : [0, most],
    read({ rollout, spans }) {
      if (wasRecorded(rollout) && usageOf(spans).length === 0) return null
      const usd = usageOf(spans).reduce((sum, call) => sum + priceOf(call, prices), 0)
      return most === null ? usd : Math.min(most, usd)
    },
  }
}

/**
 * Milliseconds from the claim of the attempt that ended it to its end: the agent's time, not that in the queue. More than `mostMs`, which
 * closes the range, counts as that.
 */
function latency({ mostMs = null }: { readonly mostMs?: number | null } = {}): Metric {
  return {
    goal: 'lower',
    range: mostMs === null ? null : [0, mostMs],
    read({ rollout, attempt }) {
      // The attempt of what was recorded is the time that recording it took.
      if (attempt === null || attempt.end_time === null || wasRecorded(rollout)) return null
      const taken = (attempt.end_time - attempt.start_time) * 1000
      return mostMs === null ? taken : Math.min(mostMs, taken)
    },
  }
}

/** Metrics at hand; {@link Metric} is for one's own. */
export const experimentMetrics: {
  readonly reward: typeof reward
  readonly outcome: typeof outcome
  readonly cost: typeof cost
  readonly latency: typeof latency
} = Object.freeze({ reward, outcome, cost, latency })

/** What all metrics say of a rollout; what was measured where no runner was goes first. A reward may be among its spans, or come later. */
export function measure(
  metrics: Readonly<Record<string, Metric>>,
  collected: CollectedRollout,
): Readonly<Record<string, number | null>> {
  const given = placementOf(collected.rollout)?.values ?? {}
  return Object.fromEntries(
    Object.entries(metrics).map(([name, metric]) => [name, Object.hasOwn(given, name) ? given[name]! : metric.read(collected)]),
  )
}

/** @param of whose value it is, for the message @throws AglError `invalid_argument` for a value outside of its range */
export function checkValue(name: string, { range }: Metric, value: number, of: string): void {
  if (Number.isFinite(value) && (range === null || (value >= range[0] && value <= range[1]))) return
  const expected = range === null ? 'a finite number' : `a number from ${range[0]} to ${range[1]}`
  throw new AglError({
    code: 'invalid_argument',
    message: `The metric "${name}" of ${of} is ${value}; expected ${expected}. Say what range it has, for example experimentMetrics.reward({ range: [-1, 1] }).`,
    data: { metric: name, value },
  })
}
