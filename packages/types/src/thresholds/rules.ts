import { z } from 'zod'
import type { MetricLabels } from '../metrics.ts'

/** When something is to be told. One of `above` and `below`. */
export interface ThresholdRule {
  /** For whoever is told. Default: the metric. */
  readonly name?: string
  /** As it is read: `agl_runner_attempts_total`. */
  readonly metric: string
  /**
   * Only series with these labels. Of counters and histograms all that are left count together; of gauges and ages each counts by itself.
   */
  readonly labels?: MetricLabels
  readonly above?: number
  readonly below?: number
  /** How long it has to be so, in milliseconds; at least 0. Default 0: at once. */
  readonly forMs?: number
  /** What of the past counts for counters (how much they grew) and histograms, in milliseconds; at least 1. Default 60 s. */
  readonly windowMs?: number
  /** Of the values of a histogram. Default `mean`. */
  readonly statistic?: 'mean' | 'max'
  /** Is posted each breach and recovery as JSON, a {@link ThresholdEvent}. */
  readonly webhook?: string
  readonly onBreach?: ThresholdHook
  readonly onRecover?: ThresholdHook
}

export interface ThresholdEvent {
  readonly type: 'breach' | 'recovery'
  readonly rule: string
  readonly metric: string
  /** Of the series, or those that the rule asks for. */
  readonly labels: MetricLabels
  /** At present; null when there is none any more, as of a runner that has ended. */
  readonly value: number | null
  readonly limit: number
  /** When it began to be so, in epoch seconds. */
  readonly since: number
}

/** What it throws is reported to the logger. */
export type ThresholdHook = (event: ThresholdEvent) => unknown

/** A rule with its defaults. */
export interface ResolvedRule extends Required<
  Pick<ThresholdRule, 'name' | 'metric' | 'labels' | 'forMs' | 'windowMs' | 'statistic'>
> {
  readonly limit: number
  readonly isBeyond: (value: number) => boolean
  readonly isFloor: boolean
  readonly webhook: string | null
  readonly onBreach: ThresholdHook | null
  readonly onRecover: ThresholdHook | null
}

const hook = z.custom<ThresholdHook>((value) => typeof value === 'function', { error: 'expected a function' })

/** Rules, from code or from a file. */
export const thresholdRuleSchema: z.ZodType<ThresholdRule> = z
  .strictObject({
    name: z.string().min(1).exactOptional(),
    metric: z.string().regex(/^[a-zA-Z_:][\w:]*$/, { error: 'expected the name of a metric, as agl_runner_attempts_total' }),
    labels: z.record(z.string(), z.string()).exactOptional(),
    above: z.number().exactOptional(),
    below: z.number().exactOptional(),
    forMs: z.number().min(0).exactOptional(),
    windowMs: z.number().min(1).exactOptional(),
    statistic: z.enum(['mean', 'max']).exactOptional(),
    // Whoever has it may post: services put their key into its path.
    webhook: z
      .url({ protocol: /^https?$/ })
      .exactOptional()
      .meta({ secret: true }),
    onBreach: hook.exactOptional(),
    onRecover: hook.exactOptional(),
  })
  .refine(({ above, below }) => (above === undefined) !== (below === undefined), { error: 'expected either above or below' })

/** What a rule does where it does not say. */
export const thresholdDefaults: Readonly<Required<Pick<ThresholdRule, 'forMs' | 'windowMs' | 'statistic'>>> = Object.freeze({
  forMs: 0,
  windowMs: 60_000,
  statistic: 'mean',
})

export function resolveRule(rule: ThresholdRule): ResolvedRule {
  const { above, below } = rule
  const isFloor = above === undefined
  const limit = above ?? below!
  return {
    ...thresholdDefaults,
    name: rule.metric,
    labels: {},
    webhook: null,
    onBreach: null,
    onRecover: null,
    ...rule,
    limit,
    isFloor,
    isBeyond: isFloor ? (value) => value < limit : (value) => value > limit,
  }
}
