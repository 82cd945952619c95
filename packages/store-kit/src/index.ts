export { type ParsedSpan, parseNewSpan } from './check-span.ts'
export { type ClaimRequest, type ClaimWaiters, createClaimWaiters } from './claim-waiters.ts'
export { type Clock, systemClock } from './clock.ts'
export { createHeap, type Heap } from './heap.ts'
export { createIds, type Ids, type RandomSource, seededRandom } from './ids.ts'
export { checkJson } from './json.ts'
export { attemptNotFound, noAttemptsFound, rolloutItemNotFound, rolloutNotFound, storeClosed } from './not-found.ts'
export { type Parked, park } from './park.ts'
export { matchResources, matchRollouts, matchSpans, matchWorkers, type Matcher, pageOf, sortFields } from './query.ts'
export { parseEnqueueRequest, parseResources, requestSchemas } from './requests.ts'
export { createRolloutWaiters, type RolloutWaiters } from './rollout-waiters.ts'
export {
  type AttemptChange,
  type AttemptEntry,
  type AttemptNotes,
  type AttemptSubject,
  cancelRollout,
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
export { createRunningAttempts, type RunningAttempts, workerAfter, workerBeat, workerFoundNothing } from './workers.ts'
