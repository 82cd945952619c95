import type { MetricLabels } from '../metrics.ts'
import { createRecentValues } from './window.ts'
import type { ResolvedRule, ThresholdEvent } from './rules.ts'
import { type ThresholdClock, type WatchedValue, watchValue } from './watch-value.ts'

/** What rules see of a metric. */
export interface MetricWatch {
  /** A counter has grown by so much, a gauge has this value, a histogram one more. */
  changed(value: number, labels: MetricLabels): void
  /** An age begins again. */
  marked(labels: MetricLabels): void
  removed(labels: MetricLabels): void
  close(): void
}

export type MetricKind = 'counter' | 'gauge' | 'histogram' | 'age'

export interface WatchParts {
  readonly clock: ThresholdClock
  readonly tell: (rule: ResolvedRule, event: ThresholdEvent) => void
}

export function watchMetric(kind: MetricKind, rules: readonly ResolvedRule[], parts: WatchParts): MetricWatch {
  const watches = rules.map((rule) => watchRule(kind, rule, parts))
  return {
    changed(value, labels) {
      for (const watch of watches) watch.changed(value, labels)
    },
    marked(labels) {
      for (const watch of watches) watch.marked(labels)
    },
    removed(labels) {
      for (const watch of watches) watch.removed(labels)
    },
    close() {
      for (const watch of watches) watch.close()
    },
  }
}

function watchRule(kind: MetricKind, rule: ResolvedRule, parts: WatchParts): MetricWatch {
  const wanted = Object.entries(rule.labels)
  const watch = kind === 'counter' || kind === 'histogram' ? watchTogether(kind, rule, parts) : watchEach(kind, rule, parts)
  const isWanted = (labels: MetricLabels): boolean => wanted.every(([name, value]) => labels[name] === value)
  return {
    changed: (value, labels) => (isWanted(labels) ? watch.changed(value, labels) : undefined),
    marked: (labels) => (isWanted(labels) ? watch.marked(labels) : undefined),
    removed: (labels) => (isWanted(labels) ? watch.removed(labels) : undefined),
    close: watch.close,
  }
}

/** All series as one: how much came within the window. */
function watchTogether(kind: 'counter' | 'histogram', rule: ResolvedRule, { clock, tell }: WatchParts): MetricWatch {
  const recent = createRecentValues(rule.windowMs, () => clock.now())
  const begun = clock.now()
  // What has not been watched for a whole window cannot have grown too little.
  const isYoung = (): boolean => rule.isFloor && clock.now() - begun < rule.windowMs

  function read(): number | null {
    const { sum, count, max } = recent.read()
    if (kind === 'counter') return isYoung() ? null : sum
    if (count === 0) return null
    return rule.statistic === 'max' ? max : sum / count
  }
  const value = watchValue({
    rule,
    labels: rule.labels,
    clock,
    read,
    nextChange: () => (kind === 'counter' && isYoung() ? begun + rule.windowMs : recent.nextChange()),
    tell: (event) => tell(rule, event),
  })
  value.look()
  return {
    changed(amount) {
      recent.record(amount)
      value.look()
    },
    marked() {},
    removed() {},
    close: value.end,
  }
}

interface Series {
  value: number
  readonly watched: WatchedValue
}

/** Each series by itself. */
function watchEach(kind: 'gauge' | 'age', rule: ResolvedRule, { clock, tell }: WatchParts): MetricWatch {
  const series = new Map<string, Series>()
  const keyOf = (labels: MetricLabels): string => JSON.stringify(Object.entries(labels).sort())

  function seriesOf(labels: MetricLabels, value: number): Series {
    const key = keyOf(labels)
    const known = series.get(key)
    if (known !== undefined) {
      known.value = value
      return known
    }
    const age = (): number => (clock.now() - made.value) / 1000
    const crossing = (): number | null => {
      const time = made.value + rule.limit * 1000
      return time >= clock.now() ? time + 1 : null
    }
    const made: Series = {
      value,
      watched: watchValue({
        rule,
        labels,
        clock,
        read: () => (kind === 'age' ? age() : made.value),
        nextChange: () => (kind === 'age' ? crossing() : null),
        tell: (event) => tell(rule, event),
      }),
    }
    series.set(key, made)
    return made
  }

  return {
    changed: (value, labels) => seriesOf(labels, value).watched.look(),
    marked: (labels) => seriesOf(labels, clock.now()).watched.look(),
    removed(labels) {
      series.get(keyOf(labels))?.watched.end()
      series.delete(keyOf(labels))
    },
    close() {
      for (const { watched } of series.values()) watched.end()
      series.clear()
    },
  }
}
