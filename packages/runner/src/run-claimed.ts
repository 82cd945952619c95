import { type Attempt, type AttemptedRollout, errorMessage, type NamedResources } from '@agl/types'
import { type ActiveAttempt, type Ending, runAttempt } from './attempt.ts'
import { createHookCaller, type RolloutEvent } from './hooks.ts'
import type { ResolvedOptions } from './options.ts'
import { readSpansOf } from './read-spans.ts'
import { settleAttempt } from './settle.ts'

/** What became of a claimed rollout. */
export interface RunResult {
  readonly ending: Ending
  /** As it was settled; null when it could not be, or is somebody else's by now. */
  readonly attempt: Attempt | null
}

/** All that happens to a claimed rollout: its hooks, its run, its settlement. Never rejects over the agent or a hook. */
export async function runClaimed<Task>(
  active: ActiveAttempt,
  options: ResolvedOptions<Task>,
  resources?: NamedResources,
): Promise<RunResult> {
  const { claimed, signal } = active
  const { agent, store, logger, measures } = options
  const started = performance.now()
  measures.running.add(1)
  const hooks = createHookCaller(options.hooks, {
    timeoutMs: options.hookTimeoutMs,
    logger,
    failures: measures.hookFailures,
  })
  const event: RolloutEvent = { agent, rollout: claimed, signal }
  await hooks.call('onRolloutStart', event)
  const ending = await runAttempt(active, options, { hooks, event, ...(resources === undefined ? {} : { resources }) })
  logEnding(options, claimed, ending)
  const ids = { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
  const ended = { ...event, ending, error: errorOf(ending, signal), readSpans: () => readSpansOf(store, ids) }
  await hooks.call('onRolloutEnd', ended)
  const attempt = await settleAttempt(active, ending, options)
  measures.running.add(-1)
  const labels = { outcome: outcomeOf(ending, attempt), mode: claimed.mode ?? 'unknown' }
  measures.attempts.add(1, labels)
  measures.attemptSeconds.record((performance.now() - started) / 1000, labels)
  await hooks.call('onRolloutSettled', { ...ended, attempt })
  return { ending, attempt }
}

/** As the store has it, which a Python server keeps no outcome in; in our own words where nothing was settled. */
function outcomeOf(ending: Ending, attempt: Attempt | null): string {
  if (attempt?.outcome !== undefined && attempt.outcome !== null) return attempt.outcome
  switch (ending.kind) {
    case 'stopped':
      if (ending.reason === 'shutdown') return 'handed_back'
      return ending.reason
    case 'returned':
      return attempt === null ? 'unsettled' : 'completed'
    case 'agent_error':
    case 'infra_error':
      return attempt === null ? 'unsettled' : ending.kind
    default:
      return ending satisfies never
  }
}

/** Why an attempt did not end well; null when it did. */
export function errorOf(ending: Ending, signal: AbortSignal): unknown {
  switch (ending.kind) {
    case 'returned':
      return null
    case 'stopped':
      return signal.reason
    case 'agent_error':
    case 'infra_error':
      return ending.error
    default:
      return ending satisfies never
  }
}

function logEnding<Task>(options: ResolvedOptions<Task>, claimed: AttemptedRollout, ending: Ending): void {
  const fields = { workerId: options.workerId, rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
  switch (ending.kind) {
    case 'returned':
      return options.logger.debug('An attempt ended', fields)
    case 'stopped':
      return options.logger.warn('An attempt was stopped', { ...fields, reason: ending.reason })
    case 'agent_error':
    case 'infra_error':
      return options.logger.warn('An attempt failed', { ...fields, outcome: ending.kind, error: errorMessage(ending.error) })
    default:
      return ending satisfies never
  }
}
