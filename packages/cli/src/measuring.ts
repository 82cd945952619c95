import { createPrometheusMetrics, type MetricsServer, serveMetrics } from '@agl/store-http/metrics'
import type { Logger, Metrics } from '@agl/types'
import { createThresholds, type ThresholdRule } from '@agl/types/thresholds'

/** What a command counts, while it runs. */
export interface Measuring {
  /** Null: nobody wants to know. */
  readonly metrics: Metrics | null
  /** Serves it, where there is a port. */
  start(): Promise<void>
  /** Tells what is left of breaches, and serves no longer. */
  close(): Promise<void>
}

export interface MeasuringOptions {
  /** Undefined: it is not served. */
  readonly port: number | undefined
  readonly host: string
  readonly rules: readonly ThresholdRule[]
  readonly logger: Logger
}

export function createMeasuring({ port, host, rules, logger }: MeasuringOptions): Measuring {
  const counted = port === undefined ? null : createPrometheusMetrics()
  const inner = counted === null ? {} : { metrics: counted }
  const thresholds = rules.length === 0 ? null : createThresholds<Metrics>({ rules, logger, ...inner })
  let server: MetricsServer | null = null
  return {
    metrics: thresholds?.metrics ?? counted,
    async start() {
      if (counted === null) return
      server = await serveMetrics({ metrics: counted, host, port: port! })
      logger.info('Serving metrics', { url: server.url })
    },
    async close() {
      await thresholds?.close()
      await server?.close()
    },
  }
}
