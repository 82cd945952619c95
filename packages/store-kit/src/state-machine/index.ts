export { type AttemptChange, checkOutcome, updateAttempt } from './attempt-update.ts'
export { cancelRollout } from './cancel.ts'
export { type Claim, claimRollout } from './claim.ts'
export { createRollout } from './create.ts'
export { heartbeatArrived, type StopReason } from './heartbeat.ts'
export { releaseAttempt } from './release.ts'
export { rolloutChange, type RolloutChange, updateRollout } from './rollout-update.ts'
export { spansArrived } from './span-arrival.ts'
export {
  type AttemptEntry,
  type AttemptNotes,
  type AttemptSubject,
  type Effect,
  isFinished,
  isLive,
  isQueuing,
  maxLostClaims,
  type RolloutEntry,
  type RolloutNotes,
  type Transition,
  unreachable,
} from './states.ts'
export { nextDeadline, sweepAttempt } from './sweep.ts'
