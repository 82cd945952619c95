import type { AttemptOutcome, AttemptStatus, RolloutConfig, RolloutStatus, WorkerStatus } from '@agl/types'

/* What the model keeps. Times are epoch seconds of the store. */

export interface ModelAttempt {
  readonly rollout: ModelRollout
  id: string
  readonly number: number
  status: AttemptStatus
  outcome: AttemptOutcome | null
  worker: string | null
  start: number
  beat: number | null
  leaseEnd: number | null
  leaseSeconds: number | null
  hasEnd: boolean
  metadata: number | null
  showedLife: boolean
  hasReward: boolean
  /** Whether it ended without counting as a try. */
  isUncounted: boolean
  /** In which opening of the rollout its claim was lost; null when it was not. */
  lostIn: number | null
  readonly spans: Set<string>
}

export interface ModelRollout {
  id: string
  readonly priority: number
  readonly config: RolloutConfig
  status: RolloutStatus
  /** Lower waits in front; null when it does not wait. */
  place: number | null
  /** How often it was opened again after an end. */
  opening: number
  sequence: number
  readonly attempts: ModelAttempt[]
}

export interface ModelWorker {
  /** Null: the contract does not say which; only that it is not busy. */
  status: WorkerStatus | null
  capacity: number | null
}

export interface ClaimOptions {
  readonly worker: string | null
  readonly leaseSeconds: number | null
}
