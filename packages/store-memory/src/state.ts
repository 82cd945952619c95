import {
  type AttemptEntry,
  attemptNotFound,
  type ClaimWaiters,
  type Clock,
  createClaimWaiters,
  createHeap,
  createIds,
  createRolloutWaiters,
  type Heap,
  type Ids,
  type RolloutEntry,
  rolloutNotFound,
  type RolloutWaiters,
  type RunningAttempts,
  seededRandom,
  systemClock,
} from '@agl/store-kit'
import {
  type AttemptedRollout,
  type Logger,
  type ResourceKind,
  type ResourcesUpdate,
  type Rollout,
  type RolloutStatus,
  silentLogger,
  type Span,
  type Worker,
} from '@agl/types'
import type { MemoryStoreOptions } from './options.ts'
import { createPriorityQueue, type PriorityQueue, type QueueTicket } from './queue.ts'

/** A rollout and all that hangs on it. */
export interface RolloutRow {
  entry: RolloutEntry
  /** Place in the order of insertion. */
  readonly ordinal: number
  readonly attempts: AttemptRow[]
  readonly spans: Span[]
  /** The highest span sequence id given or seen. */
  sequence: number
  /** Its place in the queue; null when it is not queuing or requeuing. */
  ticket: QueueTicket<RolloutRow> | null
}

export interface AttemptRow {
  entry: AttemptEntry
  readonly rollout: RolloutRow
  readonly spans: Map<string, Span>
  /** The moment of its earliest entry among the deadlines; null when it has none. */
  armedAt: number | null
}

export interface WorkerRow {
  worker: Worker
  readonly running: RunningAttempts
}

/** When an attempt has to be looked at again. Stale when the attempt's `armedAt` differs. */
export interface Deadline {
  readonly at: number
  readonly row: AttemptRow
}

/** Everything a memory store knows. Changed only within one tick per verb, so that no reader sees half a change. */
export interface MemoryState {
  readonly name: string
  readonly clock: Clock
  readonly ids: Ids
  readonly logger: Logger
  readonly resourceKinds: ReadonlyMap<string, Pick<ResourceKind<object>, 'schema'>>
  readonly startTime: number

  readonly rollouts: Map<string, RolloutRow>
  readonly byStatus: ReadonlyMap<RolloutStatus, Set<RolloutRow>>
  readonly attempts: Map<string, AttemptRow>
  readonly workers: Map<string, WorkerRow>
  /** All versions by id, version 1 first. */
  readonly resources: Map<string, ResourcesUpdate[]>
  latestResources: ResourcesUpdate | null
  /** Idempotency keys, oldest first. */
  readonly keys: Map<string, { readonly rolloutId: string; readonly at: number }>
  spanCount: number

  readonly queue: PriorityQueue<RolloutRow>
  readonly claimWaiters: ClaimWaiters<AttemptedRollout>
  readonly rolloutWaiters: RolloutWaiters
  readonly deadlines: Heap<Deadline>
  /** How many deadlines there have to be before settled ones are dropped. */
  deadlinesToSweep: number
  /** The one timer, for the earliest deadline. */
  timer: { readonly at: number; readonly cancel: () => void } | null
  /** What the timer calls. */
  readonly onTimer: (state: MemoryState) => void
  isClosed: boolean
}

const statuses: readonly RolloutStatus[] = ['queuing', 'preparing', 'running', 'failed', 'succeeded', 'cancelled', 'requeuing']

export function createState(options: MemoryStoreOptions, onTimer: (state: MemoryState) => void): MemoryState {
  const clock = options.clock ?? systemClock()
  const random = options.seed === undefined ? options.random : seededRandom(options.seed)
  return {
    name: 'MemoryStore',
    clock,
    ids: createIds(random === undefined ? {} : { random }),
    logger: options.logger ?? silentLogger,
    resourceKinds: new Map((options.resourceKinds ?? []).map((kind) => [kind.resourceType, kind])),
    startTime: clock.now(),
    rollouts: new Map(),
    byStatus: new Map(statuses.map((status) => [status, new Set()])),
    attempts: new Map(),
    workers: new Map(),
    resources: new Map(),
    latestResources: null,
    keys: new Map(),
    spanCount: 0,
    queue: createPriorityQueue(),
    claimWaiters: createClaimWaiters({ clock }),
    rolloutWaiters: createRolloutWaiters({ clock }),
    deadlines: createHeap((a, b) => a.at < b.at),
    deadlinesToSweep: 0,
    timer: null,
    onTimer,
    isClosed: false,
  }
}

export function latestAttempt(row: RolloutRow): AttemptRow | undefined {
  return row.attempts.at(-1)
}

/** @throws AglError `not_found` */
export function findRollout(state: MemoryState, rolloutId: string): RolloutRow {
  const row = state.rollouts.get(rolloutId)
  if (row === undefined) throw rolloutNotFound(rolloutId)
  return row
}

/** @throws AglError `not_found` for an attempt that is unknown or another rollout's */
export function findAttempt(state: MemoryState, rollout: RolloutRow, attemptId: string): AttemptRow {
  const row = state.attempts.get(attemptId)
  if (row?.rollout !== rollout) throw attemptNotFound(rollout.entry.rollout.rollout_id, attemptId)
  return row
}

/** The rollout with its latest attempt, as claims and reads answer it. */
export function withLatestAttempt(row: RolloutRow): Rollout | AttemptedRollout {
  const latest = latestAttempt(row)
  return latest === undefined ? row.entry.rollout : withAttempt(row, latest)
}

export function withAttempt(row: RolloutRow, attempt: AttemptRow): AttemptedRollout {
  return Object.freeze({ ...row.entry.rollout, attempt: attempt.entry.attempt })
}
