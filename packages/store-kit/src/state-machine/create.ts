import { defaultRolloutConfig, type EnqueueRolloutRequest, type Rollout, type RolloutStatus } from '@agl/types'
import type { RolloutEntry } from './states.ts'

/** A rollout as it is first stored. `input`, `metadata` and `labels` are taken over, not copied. */
export function createRollout(parts: {
  /** Validated; see `parseEnqueueRequest`. */
  readonly request: EnqueueRolloutRequest
  readonly rolloutId: string
  /** The resources it is pinned to; null where there are none yet. */
  readonly resourcesId: string | null
  readonly resourcesVersion: number | null
  /** `queuing` for the queue, `preparing` for startRollout. */
  readonly status: Extract<RolloutStatus, 'queuing' | 'preparing'>
  readonly now: number
}): RolloutEntry {
  const { request } = parts
  const rollout: Rollout = {
    rollout_id: parts.rolloutId,
    input: request.input,
    start_time: parts.now,
    end_time: null,
    mode: request.mode ?? null,
    resources_id: parts.resourcesId,
    resources_version: parts.resourcesVersion,
    status: parts.status,
    config: request.config == null ? defaultRolloutConfig : Object.freeze({ ...defaultRolloutConfig, ...request.config }),
    metadata: request.metadata ?? {},
    priority: request.priority ?? 0,
    idempotency_key: request.idempotency_key ?? null,
    labels: request.labels ?? {},
  }
  return { rollout: Object.freeze(rollout), notes: { uncountedAttempts: 0, lostClaims: 0 } }
}
