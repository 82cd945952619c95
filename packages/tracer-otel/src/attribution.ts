import { AsyncLocalStorage } from 'node:async_hooks'
import { AglError, type Emitter, type NewSpan, type TracedAttempt } from '@agl/types'
import { type Context, createContextKey } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'

/** An attempt that is being traced: where its spans go and what is on its way. */
export interface ActiveAttempt {
  readonly attempt: TracedAttempt
  readonly emit: Emitter
  /** Of everything in the attempt that has no parent. */
  readonly traceId: string
  /** Takes a finished span; `original` is what OpenTelemetry made it as, where it did. */
  record(span: NewSpan, original?: ReadableSpan): void
  /** Null when there is room for more spans; otherwise resolves when there is. Whoever can wait before making more, should. */
  room(): Promise<void> | null
  /** Resolves when every span recorded so far is in the sink; rejects when the sink refused some. */
  flush(): Promise<void>
}

/**
 * Which attempt the running code works for. It follows timers, streams and promises, so hundreds of attempts run in one
 * process without mixing. One storage for all tracers: code that emits need not know which tracer runs it.
 */
const storage = new AsyncLocalStorage<ActiveAttempt>()

/**
 * The same in the OpenTelemetry context: a library that keeps the context of a piece of work and starts its spans elsewhere (from a
 * queue, a pool) says by it what they belong to.
 */
const contextKey: symbol = createContextKey('agl.attempt')

export function runAs<Result>(active: ActiveAttempt, work: () => Result): Result {
  return storage.run(active, work)
}

export function withAttempt(context: Context, active: ActiveAttempt): Context {
  return context.setValue(contextKey, active)
}

/** The attempt that an OpenTelemetry context was made in, if any. */
export function attemptOfContext(context: Context): ActiveAttempt | undefined {
  return context.getValue(contextKey) as ActiveAttempt | undefined
}

/** The attempt the calling code belongs to, if any. */
export function currentAttempt(): ActiveAttempt | undefined {
  return storage.getStore()
}

/** The ids of the attempt that the calling code belongs to, for a header or a log; null outside of any. */
export function currentAttemptIds(): { readonly rolloutId: string; readonly attemptId: string } | null {
  const active = currentAttempt()
  return active === undefined ? null : { rolloutId: active.attempt.rolloutId, attemptId: active.attempt.attemptId }
}

/** The attempt the calling code belongs to; throws `conflict` outside of any. */
export function requireAttempt(caller: string): ActiveAttempt {
  const active = currentAttempt()
  if (active !== undefined) return active
  throw new AglError({
    code: 'conflict',
    message:
      `${caller} was called outside a rollout, so there is nothing to attribute it to. Call it from code that an agent runs ` +
      'under `createOtelTracer()` (with the default tracer use the `emit` of the agent\'s context), or pass `outside: "ignore"`.',
  })
}
