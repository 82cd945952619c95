import { implementing, type Logger, type Metrics, noMetrics, silentLogger } from '@agl/types'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import { z } from 'zod'

export interface OtelTracerOptions {
  /**
   * Makes this the process's OpenTelemetry provider while it is open, so that instrumented libraries are recorded
   * without further set-up. Set it to false when you have a provider of your own, and add
   * `createAttemptSpanProcessor()` to that one. Default true.
   */
  readonly registerGlobally?: boolean
  /**
   * OpenTelemetry exporters (an OTLP exporter pointed at Langfuse, Phoenix, Jaeger ...) that get every span of every attempt as well, with
   * the ids of rollout and attempt among its attributes. In batches, beside the store: a collector that is away or slow costs
   * neither time nor memory, only its own copies. Default none.
   */
  readonly exporters?: readonly SpanExporter[]
  /** How long a span may wait for others before it is written, in ms; at least 0. Default 500. */
  readonly flushDelayMs?: number
  /**
   * Memory for spans on their way to the store, about, in bytes, over all attempts; at least 1 MiB. At half of it new attempts and model
   * calls wait; when it is full, spans are refused and their attempt fails with `storage_full`. Default 64 MiB.
   */
  readonly maxQueuedBytes?: number
  readonly logger?: Logger
  /** Where spans that were written and lost are counted. Default: nowhere. */
  readonly metrics?: Metrics
}

/** What a tracer does when nothing else is said. */
export const otelTracerDefaults: Required<OtelTracerOptions> = Object.freeze({
  registerGlobally: true,
  exporters: Object.freeze([]),
  flushDelayMs: 500,
  maxQueuedBytes: 64 * 1024 * 1024,
  logger: silentLogger,
  metrics: noMetrics,
})

export const otelTracerOptionsSchema: z.ZodType<OtelTracerOptions> = z.strictObject({
  registerGlobally: z.boolean().exactOptional(),
  exporters: z.array(implementing<SpanExporter>('an OpenTelemetry span exporter', 'export')).exactOptional(),
  flushDelayMs: z.number().min(0).exactOptional(),
  maxQueuedBytes: z
    .number()
    .min(1024 * 1024)
    .exactOptional(),
  logger: implementing<Logger>('a logger', 'warn').exactOptional(),
  metrics: implementing<Metrics>('metrics', 'counter', 'gauge', 'histogram', 'age').exactOptional(),
})
