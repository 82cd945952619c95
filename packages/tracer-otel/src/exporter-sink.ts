import { AglError, errorMessage, type Span, type SpanSink } from '@agl/types'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import { toReadableSpan } from './readable-span.ts'

/** Where the enumeration of `@opentelemetry/core` says that an export went well. */
const success = 0

/**
 * A sink over any OpenTelemetry exporter, for a process that has no store client: with an OTLP exporter pointed at a store's
 * `/v1/traces`, spans are in the store when a write resolves. It cannot know sequence ids, so what it answers is empty.
 */
export function createExporterSink(exporter: SpanExporter): SpanSink {
  return {
    async addManySpans({ spans }): Promise<readonly Span[]> {
      await new Promise<void>((resolve, reject) => {
        exporter.export(spans.map(toReadableSpan), ({ code, error }) => {
          if (code === success) resolve()
          else reject(exportFailed(spans.length, error))
        })
      })
      return []
    },
  }
}

function exportFailed(spans: number, error: Error | undefined): AglError {
  return new AglError({
    code: 'upstream_failed',
    message: `${spans} span(s) could not be exported: ${error === undefined ? 'the exporter does not say why' : errorMessage(error)}`,
    cause: error,
  })
}
