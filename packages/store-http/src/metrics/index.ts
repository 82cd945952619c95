/** What components count, for Prometheus. */
export { createPrometheusMetrics } from './prometheus.ts'
export { type MetricsServer, type MetricsServerOptions, serveMetrics } from './serve-metrics.ts'
