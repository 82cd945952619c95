export { type BasicStoreOptions, createBasicStore, type RecordStorage, type StorageChange } from './basic-store/index.ts'
export { checkChosenId, isRouteSafe } from './check-id.ts'
export { checkSequenceId, highestSequenceId } from './check-sequence-id.ts'
export { copySpan, type ParsedSpan, parseNewSpan, parseNewSpans } from './check-span.ts'
export { type ClaimRequest, type ClaimWaiters, createClaimWaiters, type WorkerLoad } from './claim-waiters.ts'
export { type Clock, systemClock } from './clock.ts'
export {
  createEventLog,
  cursorExpired,
  type EventLog,
  eventLogLimits,
  formatCursor,
  type NewStoreEvent,
  parseCursor,
} from './event-log.ts'
export { createFifo, type Fifo } from './fifo.ts'
export { createHeap, type Heap } from './heap.ts'
export {
  createIdempotencyKeys,
  idempotencyConflict,
  type IdempotencyKeys,
  idempotencyLifetimeSeconds,
  type OwnWait,
  type RememberedKey,
  waitAlong,
} from './idempotency.ts'
export { createIds, drawFreeId, type Ids, type RandomSource, seededRandom } from './ids.ts'
export {
  readInputText,
  readRecord,
  readResourcesText,
  sourceBeside,
  writeAttemptText,
  writeInputText,
  writeRecordText,
  writeResourcesText,
} from './json-texts.ts'
export { checkJson } from './json.ts'
export { isAttemptNews, isRolloutNews } from './news.ts'
export { attemptNotFound, noAttemptsFound, rolloutItemNotFound, rolloutNotFound, storeClosed } from './not-found.ts'
export { parseOtelSpan } from './parse-otel-span.ts'
export { type Parked, park } from './park.ts'
export { matchResources, matchRollouts, matchSpans, matchWorkers, type Matcher, pageOf, sortFields } from './query.ts'
export { parseEnqueueRequest, parseRequest, parseResources, parseResourcesChanges, requestSchemas } from './requests.ts'
export {
  checkResourcesDeletion,
  moveResourcesAlias,
  nextResourcesVersion,
  type ResourcesHistory,
  type ResourcesVersion,
  resourcesVersionNotFound,
} from './resources.ts'
export {
  createResourcesCache,
  type ResourcesCache,
  resourcesCacheDefaults,
  type ResourcesCacheOptions,
  type ResourcesLoad,
} from './resources-cache.ts'
export { compressionThresholdBytes, type PackedResources, packResources, unpackResources } from './resources-packing.ts'
export { type HeldResources, planResourcesRetention } from './resources-retention.ts'
export {
  defaultRetention,
  planRetention,
  type Retention,
  retentionOf,
  type RetentionOptions,
  type RetentionPlan,
  retentionSchema,
  type Retired,
  spansGone,
  storageFull,
} from './retention.ts'
export { createRolloutWaiters, type RolloutWaiters } from './rollout-waiters.ts'
export {
  decodeSnapshot,
  encodeSnapshotRecord,
  snapshotEnd,
  snapshotError,
  snapshotHeader,
  type SnapshotRecord,
} from './snapshot.ts'
export {
  type AttemptChange,
  type AttemptEntry,
  type AttemptNotes,
  type AttemptSubject,
  cancelRollout,
  checkOutcome,
  type Claim,
  claimRollout,
  createRollout,
  type Effect,
  heartbeatArrived,
  isFinished,
  isLive,
  isQueuing,
  maxLostClaims,
  nextDeadline,
  releaseAttempt,
  rolloutChange,
  type RolloutChange,
  type RolloutEntry,
  type RolloutNotes,
  spansArrived,
  type StopReason,
  sweepAttempt,
  type Transition,
  unreachable,
  updateAttempt,
  updateRollout,
} from './state-machine/index.ts'
export {
  createRunningAttempts,
  freeSlots,
  type RunningAttempts,
  workerAfter,
  workerBeat,
  workerFoundNothing,
  workerReportsCapacity,
} from './workers.ts'
export { type HeldWorker, planWorkersRetention } from './workers-retention.ts'
export { readJson, writeJson } from './stored-json.ts'
export { hasOneSource, quietLogger, storeOptionShape } from './store-options.ts'
export { storeSpecOf } from './spec.ts'
