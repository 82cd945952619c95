import type { Attempt, AttemptOutcome, AttemptStatus } from './attempt.ts'
import type { JsonObject, JsonValue } from './json.ts'
import type { NamedResources, ResourcesAlias, ResourcesUpdate } from './resources.ts'
import type { AttemptedRollout, EnqueueRolloutRequest, Rollout, RolloutConfig, RolloutMode, RolloutStatus } from './rollout.ts'
import type { NewSpan, Span } from './span.ts'
import type { StoreEvent } from './store-event.ts'
import type { OtelSpan } from './spans/otel.ts'
import type { Worker, WorkerStatus } from './worker.ts'

/** Part of a list: `limit` and `offset` echo the request, `total` counts the matches before paging. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly limit: number
  readonly offset: number
  readonly total: number
}

/** Which part of a list, and in which order. */
export interface PageRequest<Field extends string> {
  /** A field of the record; null = insertion order. Default: insertion order; spans: `sequence_id`. */
  readonly sortBy?: Field | null
  /** Default `asc`. */
  readonly sortOrder?: 'asc' | 'desc'
  /** -1 (the default) = all; otherwise at least 0. */
  readonly limit?: number
  /** Default 0. */
  readonly offset?: number
}

/**
 * What a store may leave out. A verb or option of a feature that a store does not declare is refused with `not_supported`;
 * the conformance suite skips by these and by nothing else.
 *
 * | feature | covers |
 * |---|---|
 * | `leases` | `leaseMs`, `heartbeat` renewing, lost claims, `releaseAttempt` |
 * | `scheduling` | `priority`, workers served in turn, `capacity` |
 * | `watch` | `watch` |
 * | `deletes` | `deleteRollouts`, `deleteResources` |
 * | `retention` | bounds by age, count and bytes |
 * | `aliases` | the verbs on aliases |
 * | `snapshots` | `exportSnapshot`, `importSnapshot` |
 * | `losslessJson` | values that came with their text (`keepJsonSource`) come back with it: `input`, `metadata`, `sampling_parameters` |
 */
export type StoreFeature = 'leases' | 'scheduling' | 'watch' | 'deletes' | 'retention' | 'aliases' | 'snapshots' | 'losslessJson'

export interface StoreCapabilities {
  /** Where the data is when the process ends. */
  readonly durability: 'none' | 'durable'
  /** Who sees the same data. */
  readonly sharing: 'process' | 'machine' | 'network'
  readonly features: readonly StoreFeature[]
}

/** A write that may be sent twice: the same key within 10 minutes answers what the first call answered and does nothing. */
export interface Idempotent {
  readonly idempotencyKey?: string
}

export interface StartRolloutRequest {
  readonly rollout: EnqueueRolloutRequest
  readonly workerId?: string | null
  /** See {@link DequeueRequest.leaseMs}. */
  readonly leaseMs?: number
}

export interface DequeueRequest extends Idempotent {
  readonly workerId?: string | null
  /** How long to wait for work, in milliseconds. Default 0: do not wait. */
  readonly waitMs?: number
  /**
   * Asks for a lease of this many milliseconds: it must be renewed by {@link LightningStore.heartbeat}, or the attempt
   * becomes `unresponsive`: queued again, uncounted and at most 5 times, if it never showed life; otherwise the rollout's
   * retry policy decides. Without a lease the attempt is only watched by the
   * rollout's own limits.
   */
  readonly leaseMs?: number
  /**
   * How many rollouts the worker runs at a time; it then gets no more than its free slots, and the least loaded of the
   * waiting workers goes first. Kept until the worker reports another one. Default: no limit.
   */
  readonly capacity?: number
  readonly signal?: AbortSignal
}

export interface RolloutQuery extends PageRequest<keyof Rollout> {
  readonly statusIn?: readonly RolloutStatus[]
  readonly rolloutIdIn?: readonly string[]
  readonly rolloutIdContains?: string
  readonly modeIn?: readonly RolloutMode[]
  /** Rollouts that carry all of these labels. Always AND. */
  readonly labels?: Readonly<Record<string, string>>
  /** How the other filters combine. Default `and`. */
  readonly filterLogic?: 'and' | 'or'
}

/** A change of a rollout. A key that is absent leaves the field alone; null sets it to null where the record allows it. */
export interface RolloutUpdate extends Idempotent {
  readonly rolloutId: string
  readonly input?: JsonValue
  readonly mode?: RolloutMode | null
  readonly resourcesId?: string | null
  readonly status?: RolloutStatus
  readonly config?: RolloutConfig
  readonly metadata?: JsonObject | null
}

export interface AttemptUpdate {
  readonly rolloutId: string
  /** An id, or `latest`. */
  readonly attemptId: string
  readonly status?: AttemptStatus
  /** Default by status: `succeeded` → `scored` if a reward span is there, else `completed`; `failed` → `agent_error`. */
  readonly outcome?: AttemptOutcome
  readonly workerId?: string
  readonly lastHeartbeatTime?: number
  readonly metadata?: JsonObject
}

export interface SpanQuery extends PageRequest<keyof Span> {
  readonly rolloutId: string
  /** An id, or `latest`. Default: all attempts. */
  readonly attemptId?: string
  readonly traceId?: string
  readonly traceIdContains?: string
  readonly spanId?: string
  readonly spanIdContains?: string
  readonly parentId?: string
  readonly parentIdContains?: string
  readonly name?: string
  readonly nameContains?: string
  /** How the filters above combine; rollout and attempt are always required. Default `and`. */
  readonly filterLogic?: 'and' | 'or'
}

export interface WorkerQuery extends PageRequest<keyof Worker> {
  readonly statusIn?: readonly WorkerStatus[]
  readonly workerIdContains?: string
  readonly filterLogic?: 'and' | 'or'
}

export interface ResourcesQuery extends PageRequest<keyof ResourcesUpdate> {
  readonly resourcesId?: string
  readonly resourcesIdContains?: string
}

/** A change of resources: the whole new map, nothing is merged. */
export interface ResourcesChange extends Idempotent {
  readonly resourcesId: string
  readonly resources: NamedResources
  readonly expectedVersion?: number
}

export interface WaitRequest {
  readonly rolloutIds: readonly string[]
  /** In milliseconds; 0 = look once; null or absent = until enough are finished. */
  readonly timeoutMs?: number | null
  /** How many of them have to be finished, 1 or more, each id counted once. Default: all of those that the store knows. */
  readonly atLeast?: number
  readonly signal?: AbortSignal
}

export interface HeartbeatRequest {
  readonly workerId: string
  /** The attempts the worker is running; the leases of these are renewed. */
  readonly attempts?: readonly { readonly rolloutId: string; readonly attemptId: string }[]
  /** New lease, from now, in milliseconds. Default: the length of each attempt's present lease. */
  readonly leaseMs?: number
  /** See {@link DequeueRequest.capacity}. */
  readonly capacity?: number
  /** What the worker says of itself, instead of what it said before; at most 64 KiB of JSON. Absent = left alone. */
  readonly stats?: JsonObject
}

export interface HeartbeatReply {
  readonly worker: Worker
  /** Attempts of the request that must stop: their rollout was cancelled, or somebody else has taken it over. */
  readonly stopped: readonly {
    readonly rolloutId: string
    readonly attemptId: string
    readonly reason: 'cancelled' | 'superseded' | 'settled' | 'not_found' | 'shutdown'
  }[]
}

export interface WatchRequest {
  /** The cursor of an event, or one of {@link WatchRequest.onOpen}. Default: from now on. */
  readonly after?: string
  readonly signal?: AbortSignal
  /**
   * Called once for each iteration, before its first event, with the cursor of the place where it begins: what a feed that is
   * lost before anything has happened is resumed after. Not called when the watch is refused.
   */
  readonly onOpen?: (cursor: string) => void
}

export interface StoreStatistics {
  readonly name: string
  readonly total_rollouts: number
  readonly total_attempts: number
  readonly total_spans: number
  readonly total_resources: number
  readonly total_workers: number
  /** What the stored spans take, in bytes; null when the store does not count them. */
  readonly total_span_bytes: number | null
  /** What the stored versions of resources take, as they are held (large ones compressed); null when not counted. */
  readonly total_resources_bytes: number | null
  /** Seconds since the store was made; grows between any two calls. */
  readonly uptime: number
}

/** How to open a store again in another thread or process: call `factory` of `module` with `options`. It may hold secrets. */
export interface StoreSpec {
  /** A file URL, or the name of an installed package. */
  readonly module: string
  readonly factory: string
  readonly options: JsonObject
}

/**
 * The only shared truth: queue, rollouts, attempts, spans, resources, workers.
 *
 * One request object in, one value out. Records are immutable values: what a call returns never
 * changes afterwards. What lies deep within (`input`, `metadata`, attributes) may be shared with whoever gave it and with other
 * readers in this process, and must not be changed by any of them.
 * An unknown rollout or attempt is `not_found` in writes (sequence ids ask for the rollout only) and `null` or an empty list in reads. Aborting a `signal`
 * rejects with its reason. After {@link close} every call is refused with `closed`.
 */
export interface LightningStore extends AsyncDisposable {
  /** For statistics and logs, for example `MemoryStore`. */
  readonly name: string
  readonly capabilities: StoreCapabilities
  /** How to open another handle on the same data; absent or null when that cannot be. */
  readonly spec?: StoreSpec | null

  /** A new rollout with its first attempt, which never enters the queue. */
  startRollout(request: StartRolloutRequest): Promise<AttemptedRollout>
  enqueueRollout(request: EnqueueRolloutRequest): Promise<Rollout>
  /** All or nothing, in order. */
  enqueueManyRollouts(request: { readonly rollouts: readonly EnqueueRolloutRequest[] }): Promise<readonly Rollout[]>
  /** Claims the next rollout and makes its next attempt; null when there is none within `waitMs`. */
  dequeueRollout(request?: DequeueRequest): Promise<AttemptedRollout | null>
  /** Claims up to `limit`; waits only while there is nothing at all. */
  dequeueManyRollouts(request: DequeueRequest & { readonly limit: number }): Promise<readonly AttemptedRollout[]>
  /** The next attempt of a rollout whatever its status; reopens a finished one. */
  startAttempt(request: {
    readonly rolloutId: string
    readonly workerId?: string | null
    readonly leaseMs?: number
    readonly idempotencyKey?: string
  }): Promise<AttemptedRollout>
  /** Gives claimed work back: the attempt ends as `infra_error` without counting as a try, and the rollout is queued again. */
  releaseAttempt(request: { readonly rolloutId: string; readonly attemptId: string }): Promise<Rollout>
  /** Cancels what is not finished; answers the rollouts it cancelled. Unknown ids are left out. */
  cancelRollouts(request: { readonly rolloutIds: readonly string[] }): Promise<readonly Rollout[]>
  /**
   * Deletes finished rollouts with their attempts and spans; answers the ids it deleted. Rollouts that are not finished
   * stay (cancel them first); unknown ids are left out.
   */
  deleteRollouts(request: { readonly rolloutIds: readonly string[] }): Promise<readonly string[]>

  /** Stores a span; null when a span with this id is there already. Counts as a sign of life of the attempt. */
  addSpan(span: NewSpan): Promise<Span | null>
  /** Stores spans in order; answers those that were new. Nothing is stored when one of them is invalid. */
  addManySpans(request: { readonly spans: readonly NewSpan[] }): Promise<readonly Span[]>
  /** Stores a span as OpenTelemetry made it; otherwise as {@link addSpan}. */
  addOtelSpan(request: {
    readonly rolloutId: string
    readonly attemptId: string
    readonly span: OtelSpan
    readonly sequenceId?: number
  }): Promise<Span | null>
  /** `gone` when the spans of the rollout were dropped by retention. */
  querySpans(query: SpanQuery): Promise<Page<Span>>
  getNextSpanSequenceId(request: { readonly rolloutId: string; readonly attemptId: string }): Promise<number>
  getManySpanSequenceIds(request: {
    readonly attempts: readonly { readonly rolloutId: string; readonly attemptId: string }[]
  }): Promise<readonly number[]>

  queryRollouts(query?: RolloutQuery): Promise<Page<Rollout | AttemptedRollout>>
  getRolloutById(request: { readonly rolloutId: string }): Promise<Rollout | AttemptedRollout | null>
  queryAttempts(query: PageRequest<keyof Attempt> & { readonly rolloutId: string }): Promise<Page<Attempt>>
  getLatestAttempt(request: { readonly rolloutId: string }): Promise<Attempt | null>
  /** Waits until the rollouts are finished, or `atLeast` of them; answers all finished ones in the order asked. Unknown ids are left out. */
  waitForRollouts(request: WaitRequest): Promise<readonly Rollout[]>
  updateRollout(update: RolloutUpdate): Promise<Rollout>
  /** Changes an attempt; if it is the latest one, the rollout follows. */
  updateAttempt(update: AttemptUpdate): Promise<Attempt>

  /** A new id at version 1, which becomes the latest resources. */
  addResources(request: Idempotent & { readonly resources: NamedResources }): Promise<ResourcesUpdate>
  /**
   * The next version of an id (version 1 of an unknown one), which becomes the latest resources.
   * With `expectedVersion` (0 = the id must be new) `conflict` when the newest version is another: compare and set.
   */
  updateResources(request: ResourcesChange): Promise<ResourcesUpdate>
  /** Several changes at once, all or none; the last one becomes the latest resources. */
  updateManyResources(request: Idempotent & { readonly updates: readonly ResourcesChange[] }): Promise<readonly ResourcesUpdate[]>
  /** One snapshot; without `version` the newest of that id. */
  getResourcesById(request: { readonly resourcesId: string; readonly version?: number | null }): Promise<ResourcesUpdate | null>
  getLatestResources(): Promise<ResourcesUpdate | null>
  /** The newest version of each id. */
  queryResources(query?: ResourcesQuery): Promise<Page<ResourcesUpdate>>
  /** The history of one id. */
  queryResourcesVersions(
    query: PageRequest<keyof ResourcesUpdate> & { readonly resourcesId: string },
  ): Promise<Page<ResourcesUpdate>>
  /**
   * Deletes one version, or all of an id; answers the versions it deleted. `conflict`, and nothing is deleted, when an
   * alias points to one of them or a rollout that is not finished is pinned to it.
   */
  deleteResources(request: { readonly resourcesId: string; readonly version?: number }): Promise<readonly number[]>
  /**
   * Points an alias (`stable`, `candidate`, …) to a version, in one step for everybody. With `expected` (null = the alias
   * must be new) `conflict` when it points elsewhere. `not_found` for an unknown version.
   */
  setResourcesAlias(request: {
    readonly alias: string
    readonly resourcesId: string
    readonly version: number
    readonly expected?: { readonly resourcesId: string; readonly version: number } | null
  }): Promise<ResourcesAlias>
  getResourcesByAlias(request: { readonly alias: string }): Promise<ResourcesUpdate | null>
  queryResourcesAliases(query?: PageRequest<keyof ResourcesAlias>): Promise<Page<ResourcesAlias>>
  /** Whether there was one. */
  deleteResourcesAlias(request: { readonly alias: string }): Promise<boolean>

  queryWorkers(query?: WorkerQuery): Promise<Page<Worker>>
  getWorkerById(request: { readonly workerId: string }): Promise<Worker | null>
  /** Writes a worker's heartbeat; renews no lease. See {@link HeartbeatRequest.stats}. */
  updateWorker(request: { readonly workerId: string; readonly heartbeatStats?: JsonObject }): Promise<Worker>
  /** Writes a worker's heartbeat, renews the leases of what it runs, and says which of it must stop. */
  heartbeat(request: HeartbeatRequest): Promise<HeartbeatReply>

  /**
   * Everything that happens from now on, or after a cursor, in order; ends only by `signal` or `close`. A cursor is good for
   * 10 minutes or 100,000 events; `cursor_expired` beyond.
   */
  watch(request?: WatchRequest): AsyncIterable<StoreEvent>

  statistics(): Promise<StoreStatistics>
  /** Everything the store holds, as lines of JSON; changes made meanwhile may or may not be in it. */
  exportSnapshot(request?: { readonly signal?: AbortSignal }): AsyncIterable<string>
  /** Fills an empty store from {@link exportSnapshot}; `conflict` when it is not empty, `invalid_argument` names the line. */
  importSnapshot(request: { readonly lines: AsyncIterable<string> | Iterable<string> }): Promise<void>
  /** Ends every wait with `closed` and stops all timers. Idempotent. */
  close(): Promise<void>
}
