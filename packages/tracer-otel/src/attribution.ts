import { AsyncLocalStorage } from 'node:async_hooks'
import { AglError, type Emitter, type NewSpan, type TracedAttempt } from '@agl/types'

/** An attempt that is being traced: where its spans go and what is on its way. */
export interface ActiveAttempt {
  readonly attempt: TracedAttempt
  readonly emit: Emitter
  /** Takes a finished span. */
  record(span: NewSpan): void
  /** Resolves when every span recorded so far is in the sink; rejects when the sink refused some. */
  flush(): Promise<void>
  /** As {@link flush}; spans that end later are written one by one as they come. */
  finish(): Promise<void>
}

/**
 * Which attempt the running code works for. It follows timers, streams and promises, so hundreds of attempts run in one
 * process without mixing. One storage for all tracers: code that emits need not know which tracer runs it.
 */
const storage = new AsyncLocalStorage<ActiveAttempt>()

export function runAs<Result>(active: ActiveAttempt, work: () => Result): Result {
  return storage.run(active, work)
}

/** The attempt the calling code belongs to, if any. */
export function currentAttempt(): ActiveAttempt | undefined {
  return storage.getStore()
}

/** The attempt the calling code belongs to; throws `conflict` outside of any. */
export function requireAttempt(caller: string): ActiveAttempt {
  const active = currentAttempt()
  if (active !== undefined) return active
  throw new AglError({
    code: 'conflict',
    message: `${caller} was called outside a rollout, so there is nothing to attribute it to. Call it from code that an agent runs.`,
  })
}
