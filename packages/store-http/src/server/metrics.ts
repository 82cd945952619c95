import { Counter, Histogram, Registry } from 'prom-client'

/** What the server measures of itself, in the names of the reference. */
export interface Metrics {
  observe(request: {
    /** The route, not the path asked for: what callers choose must not become a label. */
    readonly path: string
    readonly method: string
    readonly status: number
    readonly milliseconds: number
  }): void
  /** In Prometheus' text format. */
  read(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** From 1 µs to 300 s, in seconds. */
const buckets: readonly number[] = [
  1e-6, 1e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300,
]

export function createMetrics(): Metrics {
  const registry = new Registry()
  const labelNames = ['path', 'method', 'status'] as const
  const total = new Counter({ name: 'agl_http_total', help: 'Requests', labelNames, registers: [registry] })
  const latency = new Histogram({
    name: 'agl_http_latency',
    help: 'Seconds from the head of a request to the end of its answer',
    labelNames,
    buckets: [...buckets],
    registers: [registry],
  })
  return {
    observe({ path, method, status, milliseconds }) {
      const labels = { path, method, status: String(status) }
      total.inc(labels)
      latency.observe(labels, milliseconds / 1000)
    },
    read: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}
