import type { Counter, Metrics } from '@agl/types'

/** What a tracer counts. */
export interface TracerMeasures {
  readonly spans: Counter
  readonly refused: Counter<'reason'>
  readonly exportFailures: Counter
}

export function createTracerMeasures(metrics: Metrics): TracerMeasures {
  return {
    spans: metrics.counter({ name: 'agl_tracer_spans_total', help: 'Spans that the store has taken' }),
    refused: metrics.counter({
      name: 'agl_tracer_spans_refused_total',
      help: 'Spans that are lost: the queue was full (no_room), or the store did not take them (store)',
      labels: ['reason'],
    }),
    exportFailures: metrics.counter({
      name: 'agl_tracer_copies_failed_total',
      help: 'Copies of spans that an exporter did not take',
    }),
  }
}
