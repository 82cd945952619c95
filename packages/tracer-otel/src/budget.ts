import { AglError } from '@agl/types'

/** Memory for spans on their way, shared by all attempts of a tracer. */
export interface SpanBudget {
  /** False when they do not fit any more. */
  take(bytes: number): boolean
  give(bytes: number): void
  /** Null while at most half is used; otherwise resolves when it is. */
  room(): Promise<void> | null
}

/**
 * Spans end where nobody can wait, so a full budget refuses them; long before that, at half, whoever can wait (an attempt that
 * would begin, a model call) is asked to.
 */
export function createSpanBudget(maxBytes: number): SpanBudget {
  let used = 0
  let waiting: PromiseWithResolvers<void> | null = null
  return {
    take(bytes) {
      if (used + bytes > maxBytes) return false
      used += bytes
      return true
    },
    give(bytes) {
      used -= bytes
      if (waiting === null || used > maxBytes / 2) return
      waiting.resolve()
      waiting = null
    },
    room() {
      if (used <= maxBytes / 2) return null
      waiting ??= Promise.withResolvers<void>()
      return waiting.promise
    },
  }
}

export function noRoom(spans: number): AglError {
  return new AglError({
    code: 'storage_full',
    message:
      `${spans} span(s) did not fit into the memory for spans on their way: the store takes them slower than the agent makes them. ` +
      'Await something now and then between spans, raise maxQueuedBytes of the tracer, or run fewer rollouts at once.',
  })
}
