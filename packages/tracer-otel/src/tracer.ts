import {
  AglError,
  type Emitter,
  implementing,
  type Logger,
  parseOptions,
  silentLogger,
  type TracedAttempt,
  type Tracer,
} from '@agl/types'
import { rewardSpanName, rewardToAttributes } from '@agl/types/spans'
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
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
  const provider = new TracerProvider({ spanProcessors: [createAttemptSpanProcessor()], spanLimits })
  const tracer = provider.getTracer('@agl/tracer-otel')
  let registered: AsyncLocalStorageContextManager | null = null
  let isClosed = false

  function register(): void {
    if (registered !== null || !registerGlobally) return
    registered = new AsyncLocalStorageContextManager().enable()
    const isProviderSet = trace.setGlobalTracerProvider(provider)
    context.setGlobalContextManager(registered)
    if (isProviderSet) return
    registered = null
    throw new AglError({
      code: 'conflict',
      message:
        'This process has an OpenTelemetry provider already. Pass registerGlobally: false and add createAttemptSpanProcessor() to your provider.',
    })
  }

  function open(attempt: TracedAttempt): ActiveAttempt {
    const buffer = createSpanBuffer(attempt, logger)
    const emit: Emitter = {
      reward(value, rewardOptions) {
        const attributes = rewardToAttributes(value, rewardOptions)
        // Started inside this attempt, whichever attempt the caller is in.
        runAs(active, () => tracer.startSpan(rewardSpanName, { attributes })).end()
      },
    }
    const active: ActiveAttempt = { attempt, emit, record: buffer.record, flush: buffer.flush, finish: buffer.finish }
    return active
  }

  async function close(): Promise<void> {
    if (isClosed) return
    isClosed = true
    if (registered !== null) {
      trace.disable()
      context.disable()
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
      try {
        return await runAs(active, () => context.with(ROOT_CONTEXT, () => work(active.emit)))
      } finally {
        await active.finish()
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  })
}
