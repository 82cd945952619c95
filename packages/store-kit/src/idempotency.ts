import { setImmediate as nextTurn } from 'node:timers/promises'
import { AglError } from '@agl/types'
import type { Clock } from './clock.ts'
import { createFifo } from './fifo.ts'
import { park } from './park.ts'

/** How long an idempotency key answers what its first call answered, in seconds. */
export const idempotencyLifetimeSeconds = 600

/** A key came with another verb than the first time. */
export function idempotencyConflict(key: string, verb: string, earlierVerb: string): AglError {
  return new AglError({
    code: 'conflict',
    message: `The idempotency key "${key}" was used with ${earlierVerb} less than 10 minutes ago; use a new key for ${verb}.`,
    data: { key, verb, earlierVerb },
  })
}

/** A key that is remembered, as snapshots hold it. */
export interface RememberedKey {
  readonly verb: string
  readonly key: string
  /** Epoch seconds of the first call. */
  readonly time: number
  /** What the first call answered. */
  readonly answer: unknown
}

/** The limits of a call that waits for the answer of an earlier one. */
export interface OwnWait<Value> {
  readonly waitMs: number
  readonly signal: AbortSignal | undefined
  readonly onTimeout: () => Value
}

/** What a call under way answers, within the limits of another call that waits for it too. */
export async function waitAlong<Value>(clock: Clock, answer: Promise<Value>, own: OwnWait<Value>): Promise<Value> {
  const { waitMs: timeoutMs, signal, onTimeout } = own
  signal?.throwIfAborted()
  // What is decided already needs no waiting.
  if (timeoutMs <= 0) return Promise.race([answer, nextTurn().then(onTimeout)])
  const parked = park({ clock, timeoutMs, signal, onTimeout, onEnd: () => {} })
  answer.then(parked.resolve, parked.reject)
  return parked.promise
}

/**
 * The keys of the last 10 minutes with what was answered, for stores that keep these in memory. A call that fails is
 * forgotten, so that it may be tried again.
 */
export interface IdempotencyKeys {
  readonly size: number
  /**
   * What `work` answers, or what it answered to the first call with this key. A call that arrives while the first one is
   * still at work waits for it, and does its own work if that fails.
   * @param own how long this call may wait for another one, and what it answers then. Default: as long as that takes
   * @throws AglError `conflict` for a key of another verb
   */
  run<Value>(
    verb: string,
    key: string | undefined,
    work: () => Value | Promise<Value>,
    own?: OwnWait<Value>,
  ): Value | Promise<Value>
  /** The answer of the first call with this key; undefined when there was none. */
  find(verb: string, key: string): RememberedKey | undefined
  remember(key: RememberedKey): void
  /** Drops a key and what it answered before its time. */
  forget(key: string): void
  /** Oldest first, without calls still at work. */
  entries(): Iterable<RememberedKey>
}

export function createIdempotencyKeys({ clock }: { readonly clock: Clock }): IdempotencyKeys {
  const known = new Map<string, RememberedKey>()
  // Without the answers: a key that was forgotten before its time must not hold on to one.
  const oldest = createFifo<Pick<RememberedKey, 'key' | 'time'>>()

  const forgetOld = (): void => {
    const now = clock.now()
    for (;;) {
      const first = oldest.peek()
      if (first === undefined || now - first.time <= idempotencyLifetimeSeconds) return
      oldest.shift()
      if (known.get(first.key)?.time === first.time) known.delete(first.key)
    }
  }
  const remember = (entry: RememberedKey): void => {
    known.set(entry.key, entry)
    oldest.push({ key: entry.key, time: entry.time })
  }
  const find: IdempotencyKeys['find'] = (verb, key) => {
    forgetOld()
    const entry = known.get(key)
    if (entry !== undefined && entry.verb !== verb) throw idempotencyConflict(key, verb, entry.verb)
    return entry
  }
  const run: IdempotencyKeys['run'] = (verb, key, work, own) => {
    type Value = Awaited<ReturnType<typeof work>>
    if (key === undefined) return work()
    const entry = find(verb, key)
    if (entry !== undefined) {
      if (!(entry.answer instanceof Promise)) return entry.answer as Value
      // The failure of the earlier call is not that of this one.
      const earlier = (entry.answer as Promise<Value>).then(
        (value) => () => value,
        () => () => run(verb, key, work, own),
      )
      const told = own === undefined ? earlier : waitAlong(clock, earlier, { ...own, onTimeout: () => own.onTimeout })
      return told.then((answer) => answer())
    }
    const answer = work()
    const time = clock.now()
    if (!(answer instanceof Promise)) {
      remember({ verb, key, time, answer: Object.freeze(answer) })
      return answer
    }
    const pending: RememberedKey = { verb, key, time, answer }
    known.set(key, pending)
    return answer.then(
      (value) => {
        // Whoever gets it must not change what a retry gets.
        remember({ verb, key, time: clock.now(), answer: Object.freeze(value) })
        return value
      },
      (error: unknown) => {
        if (known.get(key) === pending) known.delete(key)
        throw error
      },
    )
  }
  return {
    run,
    find,
    remember,
    forget: (key) => void known.delete(key),
    entries: () => [...known.values()].filter((entry) => !(entry.answer instanceof Promise)),
    get size() {
      return known.size
    },
  }
}
