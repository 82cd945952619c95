import type { Clock } from './clock.ts'
import { park } from './park.ts'

/** waitForRollouts calls that wait until their rollouts are finished. */
export interface RolloutWaiters {
  readonly size: number
  /**
   * Resolves to what `collect` reads at the moment at which all of these rollouts, or `atLeast` of them, are finished, or the
   * time is over.
   * The signal must not be aborted yet.
   * @param request.rolloutIds without unknown ones; duplicates are harmless
   */
  wait<Value>(request: {
    readonly rolloutIds: readonly string[]
    readonly isFinished: (rolloutId: string) => boolean
    readonly collect: () => Value
    readonly timeoutMs: number | null
    readonly atLeast: number | undefined
    readonly signal: AbortSignal | undefined
  }): Promise<Value>
  /** A rollout is finished. Costs as much as there are calls that wait for this one. */
  finished(rolloutId: string): void
  /** A rollout is open again: calls that wait for it and others wait for it again. */
  reopened(rolloutId: string): void
  /** Rejects all waits. */
  close(reason: unknown): void
}

interface Waiter {
  readonly pending: Set<string>
  /** How many may be pending when the wait is over. */
  readonly mayPend: number
  readonly complete: () => void
  readonly reject: (reason: unknown) => void
}

export function createRolloutWaiters({ clock }: { readonly clock: Clock }): RolloutWaiters {
  // Every call under each of its rollouts, finished ones too: these may be reopened while the call waits for others.
  const interested = new Map<string, Set<Waiter>>()
  const all = new Set<Waiter>()
  return {
    wait({ rolloutIds, isFinished, collect, timeoutMs, atLeast = Infinity, signal }) {
      const ids = new Set(rolloutIds)
      const pending = new Set([...ids].filter((id) => !isFinished(id)))
      const mayPend = Math.max(0, ids.size - atLeast)
      if (pending.size <= mayPend) return Promise.resolve(collect())
      const onEnd = (): void => {
        all.delete(waiter)
        for (const id of ids) {
          const waiters = interested.get(id)
          waiters?.delete(waiter)
          if (waiters?.size === 0) interested.delete(id)
        }
      }
      const parked = park({ clock, timeoutMs, signal, onTimeout: collect, onEnd })
      const waiter: Waiter = { pending, mayPend, complete: () => parked.resolve(collect()), reject: parked.reject }
      all.add(waiter)
      for (const id of ids) {
        const waiters = interested.get(id)
        if (waiters === undefined) interested.set(id, new Set([waiter]))
        else waiters.add(waiter)
      }
      return parked.promise
    },
    finished(rolloutId) {
      // A waiter that completes takes itself out of the set that is walked here, which a Set allows.
      for (const waiter of interested.get(rolloutId) ?? []) {
        waiter.pending.delete(rolloutId)
        if (waiter.pending.size <= waiter.mayPend) waiter.complete()
      }
    },
    reopened(rolloutId) {
      for (const waiter of interested.get(rolloutId) ?? []) waiter.pending.add(rolloutId)
    },
    close(reason) {
      for (const waiter of all) waiter.reject(reason)
    },
    get size() {
      return all.size
    },
  }
}
