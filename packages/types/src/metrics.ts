/** Which of several series of a metric: every label that the metric declares, and no other. Ids and texts of users are no labels. */
export type MetricLabels<Label extends string = string> = Readonly<Record<Label, string>>

export interface MetricDefinition<Label extends string = string> {
  /** In the spelling of Prometheus: `agl_runner_attempts_total`. */
  readonly name: string
  readonly help: string
  /** Names of its labels. Default none. */
  readonly labels?: readonly Label[]
}

export interface HistogramDefinition<Label extends string = string> extends MetricDefinition<Label> {
  /** Upper bounds, rising. Default: {@link latencyBuckets}. */
  readonly buckets?: readonly number[]
}

/** Only grows. */
export interface Counter<Label extends string = string> {
  /** @param amount at least 0 */
  add(amount: number, labels?: MetricLabels<Label>): void
}

/** Goes up and down. */
export interface Gauge<Label extends string = string> {
  set(value: number, labels?: MetricLabels<Label>): void
  add(amount: number, labels?: MetricLabels<Label>): void
  /** Forgets a series: what it measured is gone. */
  remove(labels?: MetricLabels<Label>): void
}

/** How values are spread. */
export interface Histogram<Label extends string = string> {
  record(value: number, labels?: MetricLabels<Label>): void
}

/** Seconds since something happened last: it grows without anybody saying so. */
export interface Age<Label extends string = string> {
  mark(labels?: MetricLabels<Label>): void
  /** Forgets a series: it is not expected to happen again. */
  remove(labels?: MetricLabels<Label>): void
}

/**
 * Where components count what they do. Asking again for a metric that is there gives the same one; the same name with another kind or
 * other labels is an error (`conflict`). Recording never waits.
 */
export interface Metrics {
  counter<Label extends string>(definition: MetricDefinition<Label>): Counter<Label>
  gauge<Label extends string>(definition: MetricDefinition<Label>): Gauge<Label>
  histogram<Label extends string>(definition: HistogramDefinition<Label>): Histogram<Label>
  age<Label extends string>(definition: MetricDefinition<Label>): Age<Label>
}

/** Metrics that can be read as a text, for a scraper. */
export interface ReadableMetrics extends Metrics {
  read(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** Seconds from 1 µs to 300 s; those of the reference. */
export const latencyBuckets: readonly number[] = Object.freeze([
  1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 7e-3, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1,
  0.2, 0.3, 0.5, 0.7, 1, 2, 3, 5, 7, 10, 12, 15, 20, 25, 30, 40, 50, 60, 90, 120, 180, 240, 300,
])

const ignore = (): void => {}

/** The default: counts nothing. */
export const noMetrics: Metrics = Object.freeze({
  counter: () => ({ add: ignore }),
  gauge: () => ({ set: ignore, add: ignore, remove: ignore }),
  histogram: () => ({ record: ignore }),
  age: () => ({ mark: ignore, remove: ignore }),
})
