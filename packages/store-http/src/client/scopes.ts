import type { Clock } from '@agl/store-kit'

/** One call: what may end it early is its caller's signal or the closing of the client. */
export interface Scope {
  /** Aborted, with the reason, when the call is to end. */
  readonly signal: AbortSignal
  /** Removes every trace of the call. Idempotent. */
  end(): void
}

/** The calls of a client that are under way. */
export interface Scopes {
  open(signal?: AbortSignal | undefined): Scope
  /** Ends all of them, and all that are opened later. */
  close(reason: unknown): void
}

/** Per call one controller in a set, not a listener of one signal for all: hundreds of calls may be under way. */
export function createScopes(): Scopes {
  const controllers = new Set<AbortController>()
  let closed: { readonly reason: unknown } | null = null
  return {
    open(signal) {
      const controller = new AbortController()
      const onAbort = (): void => controller.abort(signal?.reason)
      if (closed !== null) controller.abort(closed.reason)
      else if (signal?.aborted === true) onAbort()
      controllers.add(controller)
      signal?.addEventListener('abort', onAbort)
      return {
        signal: controller.signal,
        end() {
          controllers.delete(controller)
          signal?.removeEventListener('abort', onAbort)
        },
      }
    },
    close(reason) {
      closed = { reason }
      for (const controller of controllers) controller.abort(reason)
    },
  }
}

/** Resolves after a while, or rejects with the signal's reason. */
export async function pause(clock: Pick<Clock, 'wait'>, milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      cancel()
      reject(signal.reason as Error)
    }
    const cancel = clock.wait(milliseconds, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** A signal that is aborted with the other one or when its time is over, whichever comes first. */
export interface Deadline {
  readonly signal: AbortSignal
  readonly milliseconds: number
  readonly isOver: boolean
  /** Starts the time anew. */
  extend(): void
  /** Ends what hangs on the signal, for whoever is done with it. */
  abort(): void
  /** Removes its timer and its listener. */
  end(): void
}

export function createDeadline(clock: Pick<Clock, 'wait'>, milliseconds: number, signal: AbortSignal): Deadline {
  const controller = new AbortController()
  let isOver = false
  const onAbort = (): void => controller.abort(signal.reason)
  const onTime = (): void => {
    isOver = true
    controller.abort()
  }
  let cancel = clock.wait(milliseconds, onTime)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort)
  return {
    signal: controller.signal,
    milliseconds,
    get isOver() {
      return isOver
    },
    extend() {
      cancel()
      if (!controller.signal.aborted) cancel = clock.wait(milliseconds, onTime)
    },
    abort: () => controller.abort(),
    end() {
      cancel()
      signal.removeEventListener('abort', onAbort)
    },
  }
}

/** How much of a time is left that ends at `end` (epoch seconds), in milliseconds; at least 0. */
export function remainingMs(end: number, clock: Pick<Clock, 'now'>): number {
  return Math.max(0, (end - clock.now()) * 1000)
}
