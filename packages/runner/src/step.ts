import { AglError, errorMessage, type JsonValue, type NamedResources, type Rollout, type RolloutMode } from '@agl/types'
import { createActiveAttempt } from './attempt.ts'
import { startHeartbeat } from './heartbeat/heartbeat.ts'
import { leaseOf } from './leases.ts'
import type { ResolvedOptions } from './options.ts'
import { errorOf, runClaimed } from './run-claimed.ts'
import { stopByReason } from './stop-reasons.ts'

/** One rollout that is run at once, past the queue. */
export interface StepRequest<Task> {
  readonly input: Task
  readonly mode?: RolloutMode | null
  /** For this rollout only; they are not stored, so nobody else gets them as the latest. Default: the latest of the store. */
  readonly resources?: NamedResources
  /** Stops the attempt, which is then cancelled. */
  readonly signal?: AbortSignal
}

/**
 * Runs the agent once on a rollout of its own and answers the rollout as it ended; throws what the agent threw, once the attempt is
 * settled.
 */
export async function runStep<Task>(
  options: ResolvedOptions<Task>,
  { input, mode = null, resources, signal }: StepRequest<Task>,
): Promise<Rollout> {
  signal?.throwIfAborted()
  const { store, workerId, leaseMs, maxStallMs, logger, measures } = options
  const claimed = await store.startRollout({
    rollout: { input: input as JsonValue, mode },
    workerId,
    ...leaseOf(options),
  })
  const active = createActiveAttempt(claimed)
  const rolloutId = claimed.rollout_id
  const onAbort = (): void => {
    active.stop('cancelled')
    store
      .cancelRollouts({ rolloutIds: [rolloutId] })
      .catch((error: unknown) =>
        logger.warn('A rollout that was given up could not be cancelled', { rolloutId, error: errorMessage(error) }),
      )
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  // It may have been aborted while the rollout was being made.
  if (signal?.aborted === true) onAbort()
  const heartbeat = startHeartbeat({
    store,
    workerId,
    capacity: 1,
    leaseMs,
    maxStallMs,
    logger,
    onStopped: (stopped) => stopByReason(stopped, (attemptId) => (attemptId === claimed.attempt.attempt_id ? active : undefined)),
    measures,
  })
  heartbeat.began({ rolloutId, attemptId: claimed.attempt.attempt_id })
  try {
    const { ending } = await runClaimed(active, options, resources)
    if (ending.kind !== 'returned') throw errorOf(ending, signal?.aborted === true ? signal : active.signal)
  } finally {
    signal?.removeEventListener('abort', onAbort)
    await heartbeat.close()
  }
  const ended = await store.getRolloutById({ rolloutId })
  if (ended !== null) return ended
  throw new AglError({ code: 'gone', message: `Rollout ${rolloutId} was deleted while it ran.` })
}
