import { type Age, type Gauge, latencyBuckets, type MetricDefinition, type MetricLabels, type Metrics } from '@agl/types'
import { type Meter, metrics as globalMetrics, type ObservableResult } from '@opentelemetry/api'

/**
 * What components count, as instruments of OpenTelemetry: to be given as `metrics` where the program has a meter provider. A series that
 * is removed is not observed any more; readers of cumulative temporality go on telling its last value all the same (SDK 3.1), those of
 * delta temporality do not.
 * @param meter default: that of the global provider, which has to be set before
 */
export function createOtelMetrics(meter: Meter = globalMetrics.getMeter('agl')): Metrics {
  const known = new Map<string, unknown>()

  function once<Instrument>({ name }: MetricDefinition, make: () => Instrument): Instrument {
    if (!known.has(name)) known.set(name, make())
    return known.get(name) as Instrument
  }

  return Object.freeze<Metrics>({
    counter: (definition) =>
      once(definition, () => {
        const counter = meter.createCounter(definition.name, { description: definition.help })
        return { add: (amount, labels) => counter.add(amount, labels) }
      }),
    histogram: (definition) =>
      once(definition, () => {
        const histogram = meter.createHistogram(definition.name, {
          description: definition.help,
          advice: { explicitBucketBoundaries: [...(definition.buckets ?? latencyBuckets)] },
        })
        return { record: (value, labels) => histogram.record(value, labels) }
      }),
    gauge: (definition) => once(definition, () => observedGauge(meter, definition)),
    age: (definition) => once(definition, () => observedAge(meter, definition)),
  })
}

/** Series that are there when they are asked for, and not for ever: instruments that are written to cannot forget one. */
function observe(meter: Meter, { name, help }: MetricDefinition, read: (value: number) => number) {
  const series = new Map<string, { readonly labels: MetricLabels; readonly value: number }>()
  const keyOf = (labels: MetricLabels): string => JSON.stringify(Object.entries(labels).toSorted())
  meter.createObservableGauge(name, { description: help }).addCallback((result: ObservableResult) => {
    for (const { labels, value } of series.values()) result.observe(read(value), labels)
  })
  return {
    get: (labels: MetricLabels = {}): number => series.get(keyOf(labels))?.value ?? 0,
    set: (value: number, labels: MetricLabels = {}): void => void series.set(keyOf(labels), { labels, value }),
    remove: (labels: MetricLabels = {}): void => void series.delete(keyOf(labels)),
  }
}

function observedGauge(meter: Meter, definition: MetricDefinition): Gauge {
  const { get, set, remove } = observe(meter, definition, (value) => value)
  return { set, remove, add: (amount, labels) => set(get(labels) + amount, labels) }
}

function observedAge(meter: Meter, definition: MetricDefinition): Age {
  const { set, remove } = observe(meter, definition, (at) => (performance.now() - at) / 1000)
  return { remove, mark: (labels) => set(performance.now(), labels) }
}
