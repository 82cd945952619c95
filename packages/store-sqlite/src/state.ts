import type { ClaimWaiters, Clock, Ids, Retention, RolloutWaiters } from '@agl/store-kit'
import type { AttemptedRollout, Logger, ResourceKind, RolloutStatus } from '@agl/types'
import type { Database } from './database/database.ts'

/** What a store keeps beside its file: nothing that another process would have to know. */
export interface SqliteState {
  readonly name: string
  readonly file: string
  readonly clock: Clock
  readonly ids: Ids
  readonly logger: Logger
  readonly resourceKinds: ReadonlyMap<string, Pick<ResourceKind<object>, 'schema'>>
  readonly retention: Retention
  readonly startTime: number
  readonly claimWaiters: ClaimWaiters<HandedOut>
  readonly rolloutWaiters: RolloutWaiters
  /** When workers are to be looked at for one that may be forgotten, in epoch seconds; null before the first look. */
  workersLook: number | null
  /** Dequeue calls with an idempotency key that are under way. */
  readonly dequeues: Map<string, DequeueUnderWay>
}

/** Work that was claimed for a parked call. It counts once its transaction is committed. */
export interface HandedOut {
  readonly rollout: AttemptedRollout
  readonly batch: { isUndone: boolean }
}

export interface DequeueUnderWay {
  readonly verb: string
  readonly answer: Promise<readonly AttemptedRollout[]>
}

/** What reads work with. */
export interface Reading {
  readonly state: SqliteState
  readonly database: Database
}

/** What a verb works with while it changes the file. All of it is undone when the verb throws. */
export interface Writing extends Reading {
  /** Says after the commit what happened. */
  log(level: 'debug' | 'warn', message: string, fields: Readonly<Record<string, unknown>>): void
  /** Adds to a total. */
  count(name: TotalName, by: number): void
  /** A total with what this transaction has added to it. */
  total(name: TotalName): number
  /** There may be work now for a call that waits: something was put into the queue, or a worker has a slot free. */
  noteWork(): void
}

export type TotalName =
  | `rollouts_${RolloutStatus}`
  | 'attempts'
  | 'spans'
  | 'span_bytes'
  | 'resources'
  | 'workers'
  /** Records and spans of rollouts that are not finished. */
  | 'unfinished_bytes'
  /** Records and spans of finished rollouts. */
  | 'finished_bytes'
  | 'resources_bytes'

/** A total as it is in the file; 0 when it was never counted. */
export function storedTotal({ database }: Pick<Reading, 'database'>, name: TotalName): number {
  return database.get<{ value: number }>('SELECT value FROM totals WHERE name = ?', name)?.value ?? 0
}
