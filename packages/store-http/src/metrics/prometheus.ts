import {
  type Age,
  AglError,
  type Counter,
  type Gauge,
  type Histogram,
  type HistogramDefinition,
  latencyBuckets,
  type MetricDefinition,
  type MetricLabels,
  type ReadableMetrics,
} from '@agl/types'
import * as prometheus from 'prom-client'

type Kind = 'counter' | 'gauge' | 'histogram' | 'age'

/** Metrics in memory, read as Prometheus takes them: half a microsecond for each value. */
export function createPrometheusMetrics(): ReadableMetrics {
  const registry = new prometheus.Registry()
  const known = new Map<string, { readonly signature: string; readonly metric: unknown }>()

  function metricOf<Metric>(kind: Kind, definition: HistogramDefinition, make: (configuration: Configuration) => Metric): Metric {
    const { name, help, labels = [], buckets } = definition
    const signature = JSON.stringify([kind, labels, buckets])
    const present = known.get(name)
    if (present === undefined) {
      const metric = make({ name, help, labelNames: labels, registers: [registry] })
      known.set(name, { signature, metric })
      return metric
    }
    if (present.signature === signature) return present.metric as Metric
    throw new AglError({
      code: 'conflict',
      message: `The metric ${name} is there already as another one: it was ${present.signature}, and is to be ${signature}. Give it a name of its own.`,
    })
  }

  return Object.freeze<ReadableMetrics>({
    counter: (definition) => metricOf('counter', definition, toCounter),
    gauge: (definition) => metricOf('gauge', definition, toGauge),
    histogram: (definition) =>
      metricOf('histogram', definition, (configuration) =>
        toHistogram({ ...configuration, buckets: [...(definition.buckets ?? latencyBuckets)] }),
      ),
    age: (definition) => metricOf('age', definition, (configuration) => toAge(configuration, definition)),
    async read() {
      return { contentType: registry.contentType, text: await registry.metrics() }
    },
  })
}

interface Configuration {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
  readonly registers: prometheus.Registry[]
}

function toCounter(configuration: Configuration): Counter {
  const counter = new prometheus.Counter(configuration)
  return { add: (amount, labels = {}) => counter.inc(labels, amount) }
}

function toGauge(configuration: Configuration): Gauge {
  const gauge = new prometheus.Gauge(configuration)
  return {
    set: (value, labels = {}) => gauge.set(labels, value),
    add: (amount, labels = {}) => gauge.inc(labels, amount),
    remove: (labels = {}) => gauge.remove(labels),
  }
}

function toHistogram(configuration: Configuration & { readonly buckets: number[] }): Histogram {
  const histogram = new prometheus.Histogram(configuration)
  return { record: (value, labels = {}) => histogram.observe(labels, value) }
}

/** Its values are made when they are read. */
function toAge(configuration: Configuration, { labels: names = [] }: MetricDefinition): Age {
  const marks = new Map<string, { readonly labels: MetricLabels; readonly at: number }>()
  const keyOf = (labels: MetricLabels): string => JSON.stringify(names.map((name) => labels[name]))
  const gauge = new prometheus.Gauge({
    ...configuration,
    collect() {
      for (const { labels, at } of marks.values()) this.set(labels, (performance.now() - at) / 1000)
    },
  })
  return {
    mark: (labels = {}) => void marks.set(keyOf(labels), { labels, at: performance.now() }),
    remove(labels = {}) {
      marks.delete(keyOf(labels))
      gauge.remove(labels)
    },
  }
}
