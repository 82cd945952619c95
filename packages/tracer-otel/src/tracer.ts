import { AglError, childLogger, type Emitter, parseOptions, type TracedAttempt, type Tracer } from '@agl/types'
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { emptyResource } from '@opentelemetry/resources'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { runAs, withAttempt } from './attribution.ts'
import { createSpanBudget } from './budget.ts'
import { createSpanBuffer } from './buffer.ts'
import { createSpanExports } from './exports.ts'
import { createAttemptIdGenerator } from './ids.ts'
import { createTracerMeasures } from './measures.ts'
import { openAttempt } from './open-attempt.ts'
import { otelTracerDefaults, type OtelTracerOptions, otelTracerOptionsSchema } from './options.ts'
import { createProcessor } from './processor.ts'

/** A tracer with the OpenTelemetry provider it records from. */
export interface OtelTracer extends Tracer {
  /** For libraries that take a tracer provider instead of the global one. */
  readonly provider: TracerProvider
}

/** Span limits of OpenTelemetry cut attributes off; what training reads must stay whole. */
const noLimit = Number.MAX_SAFE_INTEGER
const spanLimits = {
  attributeCountLimit: noLimit,
  eventCountLimit: noLimit,
  linkCountLimit: noLimit,
  attributePerEventCountLimit: noLimit,
  attributePerLinkCountLimit: noLimit,
}

/**
 * Makes a tracer; it registers itself at the first `trace`, not before.
 * @param surroundings what whoever makes it from data, as a trainer does in another process, gives it besides
 */
export function createOtelTracer(
  options: OtelTracerOptions = {},
  surroundings: Pick<OtelTracerOptions, 'logger' | 'metrics'> = {},
): OtelTracer {
  const { registerGlobally, exporters, flushDelayMs, maxQueuedBytes, ...rest } = parseOptions(
    otelTracerOptionsSchema,
    options,
    { ...otelTracerDefaults, ...surroundings },
    'options of createOtelTracer',
  )
  const logger = childLogger(rest.logger, 'tracer')
  const measures = createTracerMeasures(rest.metrics)
  const provider = new TracerProvider({
    spanProcessors: [createProcessor({ marks: exporters.length > 0 })],
    idGenerator: createAttemptIdGenerator(),
    spanLimits,
    // The default resource names this process by the path of its Node, which is nobody's business in exported data.
    resource: emptyResource(),
  })
  const budget = createSpanBudget(maxQueuedBytes)
  const exports = createSpanExports(exporters, { logger, failures: measures.exportFailures })
  const writes = new Set<Promise<void>>()
  let registered: { readonly ownsContext: boolean } | null = null
  let isClosed = false

  function register(): void {
    if (registered !== null || !registerGlobally) return
    if (!trace.setGlobalTracerProvider(provider)) {
      throw new AglError({
        code: 'conflict',
        message:
          'This process has an OpenTelemetry provider already. Pass registerGlobally: false and add createAttemptSpanProcessor() to your provider.',
      })
    }
    const manager = new AsyncLocalStorageContextManager().enable()
    // A context manager of the program's own stays; spans find their parents through that one then.
    registered = { ownsContext: context.setGlobalContextManager(manager) }
  }

  async function close(): Promise<void> {
    if (isClosed) return
    isClosed = true
    if (registered !== null) {
      trace.disable()
      if (registered.ownsContext) context.disable()
      registered = null
    }
    await Promise.all(writes)
    await Promise.all([provider.shutdown(), exports.close()])
  }

  return Object.freeze({
    provider,
    async trace<Result>(attempt: TracedAttempt, work: (emit: Emitter) => Promise<Result>): Promise<Result> {
      if (isClosed) throw new AglError({ code: 'closed', message: 'This tracer has been closed.' })
      register()
      await budget.room()
      const buffer = createSpanBuffer(attempt, { budget, writes, flushDelayMs, logger, measures })
      const active = openAttempt(attempt, { buffer, budget, offer: exports.offer })
      try {
        const result = await runAs(active, () => context.with(withAttempt(ROOT_CONTEXT, active), () => work(active.emit)))
        await buffer.finish()
        return result
      } catch (error) {
        // What went wrong in the work is what counts.
        await buffer.finish().catch(() => {})
        throw error
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  })
}
