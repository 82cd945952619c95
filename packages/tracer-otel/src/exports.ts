import { type Counter, errorMessage, type Logger, type NewSpan } from '@agl/types'
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace'
import { toReadableSpan } from './readable-span.ts'

/** The way to the exporters that get a copy of every span. */
export interface SpanExports {
  /** `original`: the span as OpenTelemetry made it, where it did. */
  offer(span: NewSpan, original: ReadableSpan | undefined): void
  /** Exports what waits; never rejects. */
  close(): Promise<void>
}

export function createSpanExports(
  exporters: readonly SpanExporter[],
  { logger, failures }: { readonly logger: Logger; readonly failures: Counter },
): SpanExports {
  const processors = exporters.map(
    (exporter) =>
      new BatchSpanProcessor({ exporter: counting(exporter, failures), scheduledDelayMillis: 1000, maxQueueSize: 8192 }),
  )
  return {
    offer(span, original) {
      if (processors.length === 0) return
      // An original may have been left out by the program's sampler, which is not asked about copies.
      const readable = original?.spanContext().traceFlags === 1 ? original : toReadableSpan(span)
      for (const processor of processors) processor.onEnd(readable)
    },
    async close() {
      for (const ending of await Promise.allSettled(processors.map((processor) => processor.shutdown()))) {
        if (ending.status === 'rejected') {
          logger.warn('The last copies of spans could not be exported', { error: errorMessage(ending.reason) })
        }
      }
    },
  }
}

/** What an exporter fails at, OpenTelemetry tells its own log only. */
function counting(exporter: SpanExporter, failures: Counter): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== 0) failures.add(spans.length)
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush === undefined ? {} : { forceFlush: () => exporter.forceFlush!() }),
  }
}
