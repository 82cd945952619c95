import {
  AglError,
  type Emitter,
  implementing,
  type Logger,
  type NewSpan,
  parseOptions,
  silentLogger,
  type TracedAttempt,
  type Tracer,
} from '@agl/types'
import { buildSpan, rewardSpanName, rewardToAttributes } from '@agl/types/spans'
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { emptyResource } from '@opentelemetry/resources'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { z } from 'zod'
import { type ActiveAttempt, runAs } from './attribution.ts'
import { createSpanBuffer } from './buffer.ts'
import { createAttemptSpanProcessor } from './processor.ts'

export interface OtelTracerOptions {
  /**
   * Makes this the process's OpenTelemetry provider while it is open, so that instrumented libraries are recorded
   * without further set-up. Set it to false when you have a provider of your own, and add
   * `createAttemptSpanProcessor()` to that one. Default true.
   */
  readonly registerGlobally?: boolean
  readonly logger?: Logger
}

const optionsSchema = z.strictObject({
  registerGlobally: z.boolean().optional(),
  logger: implementing<Logger>('a logger', 'warn').optional(),
})

const defaults = { registerGlobally: true, logger: silentLogger }

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

/** Makes a tracer; it registers itself at the first `trace`, not before. */
export function createOtelTracer(options: OtelTracerOptions = {}): OtelTracer {
  const { registerGlobally, logger } = parseOptions(optionsSchema, options, defaults, 'options of createOtelTracer')
  // The default resource names this process by the path of its Node, which is nobody's business in exported data.
  const provider = new TracerProvider({ spanProcessors: [createAttemptSpanProcessor()], spanLimits, resource: emptyResource() })
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

  function open(attempt: TracedAttempt): ActiveAttempt {
    const buffer = createSpanBuffer(attempt, logger)
    const emit: Emitter = {
      reward: (value, rewardOptions) => emit.span(rewardSpanName, rewardToAttributes(value, rewardOptions)),
      // Not an OpenTelemetry span: sampling and suppression, the program's affair, must not lose what training needs.
      span(name, attributes) {
        const now = Date.now() / 1000
        const { rolloutId, attemptId } = attempt
        const span = buildSpan({ rolloutId, attemptId, name, attributes, startTime: now, endTime: now })
        buffer.record(underActiveSpan(span))
      },
    }
    return { attempt, emit, record: buffer.record, flush: buffer.flush, finish: buffer.finish }
  }

  async function close(): Promise<void> {
    if (isClosed) return
    isClosed = true
    if (registered !== null) {
      trace.disable()
      if (registered.ownsContext) context.disable()
      registered = null
    }
    await provider.shutdown()
  }

  return Object.freeze({
    provider,
    async trace<Result>(attempt: TracedAttempt, work: (emit: Emitter) => Promise<Result>): Promise<Result> {
      if (isClosed) throw new AglError({ code: 'closed', message: 'This tracer has been closed.' })
      register()
      const active = open(attempt)
      let result: Result
      try {
        result = await runAs(active, () => context.with(ROOT_CONTEXT, () => work(active.emit)))
      } catch (error) {
        // What went wrong in the work is what counts.
        await active.finish().catch(() => {})
        throw error
      }
      await active.finish()
      return result
    },
    close,
    [Symbol.asyncDispose]: close,
  })
}

/** Hangs a span under the OpenTelemetry span that is active in the calling code, if there is one. */
function underActiveSpan(span: NewSpan): NewSpan {
  const parent = trace.getSpanContext(context.active())
  if (parent === undefined) return span
  const { traceId, spanId, isRemote = false } = parent
  return {
    ...span,
    trace_id: traceId,
    parent_id: spanId,
    context: { trace_id: traceId, span_id: span.span_id, is_remote: false, trace_state: {} },
    parent: { trace_id: traceId, span_id: spanId, is_remote: isRemote, trace_state: {} },
  }
}
