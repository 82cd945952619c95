import { z } from 'zod'
import { errorMessage } from '../errors.ts'
import { childLogger, type Logger, silentLogger } from '../logger.ts'
import { type HistogramDefinition, type MetricLabels, type Metrics, noMetrics } from '../metrics.ts'
import { implementing, parseOptions } from '../parse.ts'
import {
  type ResolvedRule,
  resolveRule,
  type ThresholdEvent,
  type ThresholdHook,
  type ThresholdRule,
  thresholdRuleSchema,
} from './rules.ts'
import { type MetricKind, type MetricWatch, watchMetric } from './watch-metric.ts'
import type { ThresholdClock } from './watch-value.ts'

export interface ThresholdsOptions<Inner extends Metrics = Metrics> {
  readonly rules: readonly ThresholdRule[]
  /** Where everything is counted as well. Default: nowhere. */
  readonly metrics?: Inner
  /** Are told of every rule, beside its own. */
  readonly onBreach?: ThresholdHook
  readonly onRecover?: ThresholdHook
  /** Told of each breach (`warn`) and recovery (`info`). Default: silent. */
  readonly logger?: Logger
  /** Default: that of the system; its timers keep no process alive. */
  readonly clock?: ThresholdClock
}

export interface Thresholds<Inner extends Metrics = Metrics> {
  /** To be given to runners, trainers and servers in place of `options.metrics`. */
  readonly metrics: Inner
  /** What is breached at present. */
  breaches(): readonly ThresholdEvent[]
  /** Ends the watching; what is breached is told as recovered, and hooks that are under way are waited for. */
  close(): Promise<void>
}

const hook = z.custom<ThresholdHook>((value) => typeof value === 'function', { error: 'expected a function' })
const optionsSchema = z.strictObject({
  rules: z.array(thresholdRuleSchema),
  metrics: implementing<Metrics>('metrics', 'counter', 'gauge', 'histogram', 'age').optional(),
  onBreach: hook.optional(),
  onRecover: hook.optional(),
  logger: implementing<Logger>('a logger', 'info', 'warn').optional(),
  clock: implementing<ThresholdClock>('a clock', 'now', 'schedule').optional(),
})

const webhookTimeoutMs = 10_000

/**
 * Metrics that are watched: whatever is counted through `metrics` is passed on and held against the rules at once, without polling.
 * Each breach is told once, and once more when it is over.
 */
export function createThresholds<Inner extends Metrics = Metrics>(options: ThresholdsOptions<Inner>): Thresholds<Inner> {
  const resolved = parseOptions(
    optionsSchema,
    options,
    { logger: silentLogger, clock: systemClock },
    'options of createThresholds',
  )
  const { clock, metrics: inner = noMetrics } = resolved
  const logger = childLogger(resolved.logger, 'thresholds')
  const rules = resolved.rules.map(resolveRule)
  const watches = new Map<string, MetricWatch>()
  const breached = new Map<string, ThresholdEvent>()
  const running = new Set<Promise<void>>()

  function tell(rule: ResolvedRule, event: ThresholdEvent): void {
    const key = JSON.stringify([rules.indexOf(rule), event.labels])
    const { type, rule: name, ...facts } = event
    if (type === 'breach') {
      breached.set(key, event)
      logger.warn('A threshold is breached', { rule: name, ...facts })
    } else {
      breached.delete(key)
      logger.info('A threshold is kept again', { rule: name, ...facts })
    }
    const hooks = type === 'breach' ? [rule.onBreach, resolved.onBreach] : [rule.onRecover, resolved.onRecover]
    for (const call of hooks) if (call != null) run(name, () => call(event))
    const { webhook } = rule
    if (webhook !== null) run(name, () => post(webhook, event))
  }

  /** Hooks run after what is being counted, which they may count more of; one that fails changes nothing for the others. */
  function run(rule: string, work: () => unknown): void {
    const done = (async () => {
      try {
        await Promise.resolve()
        await work()
      } catch (error) {
        logger.warn('What is told of a threshold failed', { rule, error: errorMessage(error) })
      }
    })().finally(() => running.delete(done))
    running.add(done)
  }

  function watchOf(kind: MetricKind, { name }: HistogramDefinition): MetricWatch | null {
    const own = rules.filter(({ metric }) => metric === name)
    if (own.length === 0) return null
    const known = watches.get(name)
    if (known !== undefined) return known
    const watch = watchMetric(kind, own, { clock, tell })
    watches.set(name, watch)
    return watch
  }

  return Object.freeze<Thresholds<Inner>>({
    metrics: Object.freeze({ ...inner, ...watchedMetrics(inner, watchOf) }) as Inner,
    breaches: () => [...breached.values()],
    async close() {
      for (const { name, metric } of rules) {
        if (!watches.has(metric)) logger.warn('A threshold was about nothing: no such metric was counted', { rule: name, metric })
      }
      for (const watch of watches.values()) watch.close()
      watches.clear()
      await Promise.all(running)
    },
  })
}

function watchedMetrics(
  inner: Metrics,
  watchOf: (kind: MetricKind, definition: HistogramDefinition) => MetricWatch | null,
): Metrics {
  const values = new Map<string, number>()
  return {
    counter(definition) {
      const counter = inner.counter(definition)
      const watch = watchOf('counter', definition)
      if (watch === null) return counter
      return {
        add(amount, labels) {
          counter.add(amount, labels)
          watch.changed(amount, labels ?? {})
        },
      }
    },
    gauge(definition) {
      const gauge = inner.gauge(definition)
      const watch = watchOf('gauge', definition)
      if (watch === null) return gauge
      const keyOf = (labels: MetricLabels = {}): string => JSON.stringify([definition.name, Object.entries(labels).sort()])
      const become = (value: number, labels: MetricLabels = {}): void => {
        values.set(keyOf(labels), value)
        watch.changed(value, labels)
      }
      return {
        set(value, labels) {
          gauge.set(value, labels)
          become(value, labels)
        },
        add(amount, labels) {
          gauge.add(amount, labels)
          become((values.get(keyOf(labels)) ?? 0) + amount, labels)
        },
        remove(labels) {
          gauge.remove(labels)
          values.delete(keyOf(labels))
          watch.removed(labels ?? {})
        },
      }
    },
    histogram(definition) {
      const histogram = inner.histogram(definition)
      const watch = watchOf('histogram', definition)
      if (watch === null) return histogram
      return {
        record(value, labels) {
          histogram.record(value, labels)
          watch.changed(value, labels ?? {})
        },
      }
    },
    age(definition) {
      const age = inner.age(definition)
      const watch = watchOf('age', definition)
      if (watch === null) return age
      return {
        mark(labels) {
          age.mark(labels)
          watch.marked(labels ?? {})
        },
        remove(labels) {
          age.remove(labels)
          watch.removed(labels ?? {})
        },
      }
    },
  }
}

async function post(webhook: string, event: ThresholdEvent): Promise<void> {
  const response = await fetch(webhook, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
    signal: AbortSignal.timeout(webhookTimeoutMs),
  })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`The webhook answered ${response.status}.`)
}

/** setTimeout takes at most 2^31 - 1 ms and fires at once beyond. */
const longestTimerMs = 2 ** 31 - 1

const systemClock: ThresholdClock = Object.freeze({
  now: () => performance.now(),
  schedule(delayMs: number, callback: () => void) {
    const timer = setTimeout(callback, Math.min(delayMs, longestTimerMs)).unref()
    return () => clearTimeout(timer)
  },
})
