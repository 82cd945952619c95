import {
  type AttemptEntry,
  attemptNotFound,
  type ClaimWaiters,
  type Clock,
  createClaimWaiters,
  createEventLog,
  createHeap,
  createIdempotencyKeys,
  createIds,
  createRolloutWaiters,
  drawFreeId,
  type EventLog,
  type Heap,
  type IdempotencyKeys,
  type Ids,
  quietLogger,
  type Retention,
  retentionOf,
  type RolloutEntry,
  rolloutNotFound,
  type RolloutWaiters,
  type RunningAttempts,
  seededRandom,
  systemClock,
} from '@agl/store-kit'
import {
  type AttemptedRollout,
  childLogger,
  type Logger,
  type ResourceKind,
  type ResourcesAlias,
  type ResourcesUpdate,
  type Rollout,
  type RolloutStatus,
  silentLogger,
  type Worker,
} from '@agl/types'
import type { Usage } from './bytes.ts'
import { type Chain, type ChainLink, createChain } from './chain.ts'
import { memoryStoreDefaults, type MemoryStoreOptions } from './options.ts'
import { createOrderedRows, type OrderedRows } from './ordered-rows.ts'
import { createPriorityQueue, type PriorityQueue, type QueueTicket } from './queue.ts'
import type { ResourcesRow } from './resources.ts'
import type { SpanShelf } from './span-shelf.ts'

/** A rollout and all that hangs on it. */
export interface RolloutRow {
  entry: RolloutEntry
  /** Place in the order of insertion. */
  readonly ordinal: number
  readonly attempts: AttemptRow[]
  /** The highest span sequence id given or seen. */
  sequence: number
  /** How many spans have arrived. */
  arrivals: number
  /** The highest sequence id of a stored span. */
  lastSequence: number
  /** Whether the order of arrival is that of the sequence ids. */
  isInOrder: boolean
  /** How many spans are stored. */
  spanCount: number
  /** What the record and the attempts take. */
  recordBytes: number
  /** What the spans take. */
  spanBytes: number
  /** Its place in the queue; null when it is not queuing or requeuing. */
  ticket: QueueTicket<RolloutRow> | null
  /** Its place among the finished ones. */
  retiredLink: ChainLink<RolloutRow> | null
  /** Its place among the finished ones that have spans. */
  withSpansLink: ChainLink<RolloutRow> | null
}

export interface AttemptRow {
  entry: AttemptEntry
  readonly rollout: RolloutRow
  /** Null while it has none. */
  spans: SpanShelf | null
  /** Whether retention has dropped spans of it. */
  isGone: boolean
  /** Its place among those whose spans may be packed. */
  packingLink: ChainLink<AttemptRow> | null
  /** The moment of its earliest entry among the deadlines; null when it has none. */
  armedAt: number | null
  /** The key of the call that claimed it, which is remembered for as long as one of the attempts is there. */
  claimKey: ClaimKey | null
}

/** A key that was answered with attempts. */
export interface ClaimKey {
  readonly key: string
  /** How many of them are there. */
  attempts: number
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

  readonly retention: Retention
  readonly usage: Usage

  readonly rollouts: Map<string, RolloutRow>
  /** All rollouts in the order of insertion. */
  readonly ordered: OrderedRows<RolloutRow>
  readonly byStatus: ReadonlyMap<RolloutStatus, OrderedRows<RolloutRow>>
  /** Finished rollouts, the one that ended first before all others. */
  readonly retired: Chain<RolloutRow>
  /** Those of them that have spans. */
  readonly retiredWithSpans: Chain<RolloutRow>
  nextOrdinal: number
  readonly attempts: Map<string, AttemptRow>
  readonly workers: Map<string, WorkerRow>
  /** When one of the workers may be forgotten, in epoch seconds; Infinity when none ever is. */
  workersLook: number
  /** All ids ever; those of which no version is left too. */
  readonly resources: Map<string, ResourcesRow>
  /** How many ids have versions. */
  resourcesCount: number
  readonly aliases: Map<string, ResourcesAlias>
  /** How many rollouts that are not finished are pinned to a version; see `pinKey`. */
  readonly pins: Map<string, number>
  latestResources: ResourcesUpdate | null
  readonly keys: IdempotencyKeys
  readonly events: EventLog
  spanCount: number
  readonly packing: {
    /** Settled attempts with open spans, in the order in which they settled. */
    readonly queue: Chain<AttemptRow>
    /** What these hold as objects, in bytes. */
    openBytes: number
    /** How much of that is left as it is. */
    readonly windowBytes: number
  }

  readonly queue: PriorityQueue<RolloutRow>
  readonly claimWaiters: ClaimWaiters<AttemptedRollout>
  /** Whether something was queued, or a worker has become free, since waiting calls were served. */
  hasNewWork: boolean
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
  const ids = createIds(random === undefined ? {} : { random })
  return {
    name: 'MemoryStore',
    clock,
    ids,
    logger: quietLogger(childLogger(options.logger ?? silentLogger, 'store')),
    resourceKinds: new Map((options.resourceKinds ?? []).map((kind) => [kind.resourceType, kind])),
    startTime: clock.now(),
    retention: retentionOf(options.retention),
    usage: { spans: 0, unfinished: 0, finished: 0, resources: 0, workers: 0 },
    rollouts: new Map(),
    ordered: createOrderedRows(),
    byStatus: new Map(statuses.map((status) => [status, createOrderedRows()])),
    retired: createChain(),
    retiredWithSpans: createChain(),
    nextOrdinal: 0,
    attempts: new Map(),
    workers: new Map(),
    workersLook: Infinity,
    resources: new Map(),
    resourcesCount: 0,
    aliases: new Map(),
    pins: new Map(),
    latestResources: null,
    keys: createIdempotencyKeys({ clock }),
    events: createEventLog({ clock, log: ids.rolloutId().slice('ro-'.length) }),
    spanCount: 0,
    packing: { queue: createChain(), openBytes: 0, windowBytes: options.unpackedBytes ?? memoryStoreDefaults.unpackedBytes },
    queue: createPriorityQueue(),
    claimWaiters: createClaimWaiters({ clock }),
    hasNewWork: false,
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

/** The key of {@link MemoryState.pins}. */
export function pinKey(resourcesId: string, version: number): string {
  return `${version}/${resourcesId}`
}

/** An id that nothing has yet. */
export function newId(draw: () => string, taken: ReadonlyMap<string, unknown>): string {
  return drawFreeId(draw, (id) => taken.has(id))
}
