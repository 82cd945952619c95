import type { ClaimWaiters, Clock, Ids, Retention, RolloutWaiters } from '@agl/store-kit'
import { rolloutNotFound, storageFull } from '@agl/store-kit'
import { AglError, type AttemptedRollout, type Logger, type ResourceKind } from '@agl/types'
import type { Calls, Reply } from './connection/calls.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import type { Sweeper } from './sweep.ts'
import type { Wakes } from './wakes.ts'

/** A call that waits for work may try to claim some. */
export type Turn = 'turn'

/** One handle: nothing in it would have to be known by another. */
export interface RedisState {
  readonly name: string
  /** No other handle has it: what scripts know those by that wait for work. */
  readonly id: string
  readonly keys: Keys
  readonly connection: Connection
  readonly calls: Calls
  /** For waits and timers of this process only: what is stored bears the time of the server. */
  readonly clock: Clock
  readonly ids: Ids
  readonly logger: Logger
  readonly resourceKinds: ReadonlyMap<string, Pick<ResourceKind<object>, 'schema'>>
  readonly retention: Retention
  /** Of this handle, by its own clock. */
  readonly startTime: number
  readonly claimWaiters: ClaimWaiters<Turn>
  readonly rolloutWaiters: RolloutWaiters
  /** What each call that waits for rollouts waits for, to be looked at again when a wake-up may have been lost. */
  readonly waits: Set<readonly string[]>
  /** Workers with calls that wait, and that have said their capacity. */
  readonly limitedWorkers: Map<string, number>
  /** When workers are to be looked at for one that may be forgotten, in epoch seconds of the server. */
  readonly workersLook: { at: number }
  /** Dequeue calls with an idempotency key that are under way. */
  readonly dequeues: Map<string, { readonly verb: string; readonly answer: Promise<readonly AttemptedRollout[]> }>
  readonly wakes: Wakes
  readonly sweeper: Sweeper
  readonly isClosed: boolean
  throwIfClosed(): void
}

/** The bound on bytes as scripts take it. */
export function byteBound({ retention }: Pick<RedisState, 'retention'>): string | number {
  return retention.maxBytes ?? ''
}

/** The errors of replies that several scripts give. */
export function refusalOf(state: RedisState, reply: Reply, rolloutId: string): AglError {
  const [word, first, second] = reply as readonly [string, string, string]
  switch (word) {
    case 'missing':
      return rolloutNotFound(rolloutId)
    case 'full':
      return storageFull({ maxBytes: state.retention.maxBytes!, keptBytes: Number(first), addedBytes: Number(second) })
    default:
      return new AglError({ code: 'internal', message: `A script of the Redis store answered "${word}", which nobody expects.` })
  }
}
