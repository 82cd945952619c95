import type { Attributes } from '@opentelemetry/api'
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'

/** What OpenTelemetry itself does with a span: the provider, its batch processor, an exporter; no attempt, no store. */
export function createOtelPipeline(exporter: SpanExporter): {
  readonly record: (name: string, attributes: Attributes) => void
  readonly flush: () => Promise<void>
  readonly close: () => Promise<void>
} {
  const processor = new BatchSpanProcessor({ exporter, maxExportBatchSize: 64, maxQueueSize: 100_000 })
  const provider = new TracerProvider({ spanProcessors: [processor] })
  const tracer = provider.getTracer('bench')
  return {
    record: (name, attributes) => tracer.startSpan(name, { attributes }).end(),
    flush: () => provider.forceFlush(),
    close: () => provider.shutdown(),
  }
}

/** Takes spans and forgets them. */
export function createDiscardingExporter(): SpanExporter {
  return { export: (_, done) => done({ code: 0 }), shutdown: async () => {} }
}
