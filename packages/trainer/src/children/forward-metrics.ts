import type { Gauge, HistogramDefinition, MetricLabels, Metrics } from '@agl/types'
import type { MetricAnnouncement, MetricUpdate } from './protocol.ts'

/*
 * Metrics of a child in those of its parent: updates go in batches by the channel that logs go by. Series of all children are added up there, and
 * what a child has added to a gauge, or marked, is taken back when its process is gone.
 */

/** How long updates wait for others, in milliseconds. */
const batchMs = 100

export interface ForwardedMetrics extends Metrics {
  /** Sends what waits. */
  flush(): void
}

/** In the child. */
export function forwardMetrics(
  send: (batch: { readonly definitions: readonly MetricAnnouncement[]; readonly updates: readonly MetricUpdate[] }) => void,
): ForwardedMetrics {
  const places = new Map<string, number>()
  let definitions: MetricAnnouncement[] = []
  let updates: MetricUpdate[] = []
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (updates.length === 0) return
    send({ definitions, updates })
    definitions = []
    updates = []
  }

  function record(kind: keyof Metrics, definition: HistogramDefinition) {
    const known = places.get(definition.name)
    const place = known ?? places.size
    if (known === undefined) {
      places.set(definition.name, place)
      definitions.push({ kind, definition })
    }
    return (verb: MetricUpdate[1], value: number, labels: MetricLabels = {}): void => {
      updates.push([place, verb, value, labels])
      timer ??= setTimeout(flush, batchMs).unref()
    }
  }

  return Object.freeze<ForwardedMetrics>({
    counter(definition) {
      const update = record('counter', definition)
      return { add: (amount, labels) => update('add', amount, labels) }
    },
    gauge(definition) {
      const update = record('gauge', definition)
      return {
        set: (value, labels) => update('set', value, labels),
        add: (amount, labels) => update('add', amount, labels),
        remove: (labels) => update('remove', 0, labels),
      }
    },
    histogram(definition) {
      const update = record('histogram', definition)
      return { record: (value, labels) => update('record', value, labels) }
    },
    age(definition) {
      const update = record('age', definition)
      return { mark: (labels) => update('mark', 0, labels), remove: (labels) => update('remove', 0, labels) }
    },
    flush,
  })
}

/** In the parent, for one child. */
export interface MetricsReplay {
  replay(definitions: readonly MetricAnnouncement[], updates: readonly MetricUpdate[]): void
  /** The child is gone, and so is what it was just doing. */
  end(): void
}

interface Replayed {
  readonly apply: (verb: MetricUpdate[1], value: number, labels: MetricLabels) => void
  readonly end: () => void
}

export function replayMetrics(metrics: Metrics): MetricsReplay {
  const known: Replayed[] = []
  return {
    replay(definitions, updates) {
      for (const { kind, definition } of definitions) known.push(replayOne(metrics, kind, definition))
      for (const [place, verb, value, labels] of updates) known[place]?.apply(verb, value, labels)
    },
    end() {
      for (const { end } of known.splice(0)) end()
    },
  }
}

function replayOne(metrics: Metrics, kind: keyof Metrics, definition: HistogramDefinition): Replayed {
  switch (kind) {
    case 'counter': {
      const counter = metrics.counter(definition)
      return { apply: (_verb, amount, labels) => counter.add(amount, labels), end() {} }
    }
    case 'histogram': {
      const histogram = metrics.histogram(definition)
      return { apply: (_verb, value, labels) => histogram.record(value, labels), end() {} }
    }
    case 'gauge':
      return replayGauge(metrics.gauge(definition))
    case 'age': {
      const age = metrics.age(definition)
      const marked = new Map<string, MetricLabels>()
      return {
        apply(verb, _value, labels) {
          if (verb === 'mark') {
            marked.set(JSON.stringify(labels), labels)
            age.mark(labels)
          } else {
            marked.delete(JSON.stringify(labels))
            age.remove(labels)
          }
        },
        end() {
          for (const labels of marked.values()) age.remove(labels)
        },
      }
    }
    default:
      return kind satisfies never
  }
}

function replayGauge(gauge: Gauge): Replayed {
  const shares = new Map<string, { readonly labels: MetricLabels; readonly value: number }>()
  const move = (value: number, labels: MetricLabels): void => {
    const key = JSON.stringify(labels)
    gauge.add(value - (shares.get(key)?.value ?? 0), labels)
    if (value === 0) shares.delete(key)
    else shares.set(key, { labels, value })
  }
  return {
    apply(verb, value, labels) {
      if (verb === 'add') move((shares.get(JSON.stringify(labels))?.value ?? 0) + value, labels)
      else move(verb === 'set' ? value : 0, labels)
    },
    end() {
      for (const { labels, value } of shares.values()) gauge.add(-value, labels)
      shares.clear()
    },
  }
}
