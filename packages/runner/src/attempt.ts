import { setTimeout as sleep } from 'node:timers/promises'
import { AglError, type AttemptedRollout, type Emitter, type NamedResources, type SpanSink } from '@agl/types'
import type { Agent, AgentContext } from './agent.ts'
import { isInfraError } from './agents/infra-error.ts'
import { type Returned, type ReturnedFrom, toReturned } from './agents/returned.ts'
import { checkNeeds, createAgentContext } from './context.ts'
import type { HookCaller, RolloutEvent } from './hooks.ts'
import type { ResolvedOptions } from './options.ts'
import { retry } from './retry.ts'
import { runScorers } from './scorers.ts'

/** Why a running attempt was told to stop. */
export type StopReason = 'timeout' | 'cancelled' | 'superseded' | 'shutdown'

/** How an attempt ended, before it is written to the store. */
export type Ending =
  | { readonly kind: 'returned' }
  | { readonly kind: 'agent_error'; readonly error: unknown }
  | { readonly kind: 'infra_error'; readonly error: unknown }
  | { readonly kind: 'stopped'; readonly reason: StopReason }

/** A running attempt, as the runner holds it. */
export interface ActiveAttempt {
  readonly claimed: AttemptedRollout
  readonly signal: AbortSignal
  /** The first reason counts; later ones change nothing. */
  stop(reason: StopReason): void
  stopReason(): StopReason | null
  /** Aborted when a store that does not take the end of the attempt is not waited for any longer. */
  readonly abandoned: AbortSignal
  abandon(): void
}

export function createActiveAttempt(claimed: AttemptedRollout): ActiveAttempt {
  const controller = new AbortController()
  const abandoning = new AbortController()
  let first: StopReason | null = null
  return {
    claimed,
    signal: controller.signal,
    abandoned: abandoning.signal,
    abandon() {
      const message = 'The runner is to end, and the store has not taken how the attempt ended in time.'
      abandoning.abort(new AglError({ code: 'closed', message }))
    },
    stop(reason) {
      if (first !== null) return
      first = reason
      const message = `Rollout ${claimed.rollout_id} was stopped: ${reason}.`
      controller.abort(new AglError({ code: reason === 'timeout' ? 'timeout' : 'closed', message }))
    },
    stopReason: () => first,
  }
}

/**
 * Runs the agent once and always settles, at most twice `abortGraceMs` after the attempt was stopped: once for the agent, once
 * for its last spans. An agent that ignores its signal, and a store that never answers, cannot be killed inside this
 * process: the attempt is settled and their promise left behind. What an agent returns after a stop does not count.
 */
export async function runAttempt<Task>(active: ActiveAttempt, options: ResolvedOptions<Task>, parts: RunParts): Promise<Ending> {
  const deadline = startDeadline(active, options)
  const toEnding = (error: unknown): Ending => {
    const reason = active.stopReason()
    return reason === null ? { kind: 'infra_error', error } : { kind: 'stopped', reason }
  }
  try {
    const run = runTraced(active, options, parts).catch(toEnding)
    return await untilStopped(run, active, 2 * options.abortGraceMs, () => toEnding(undefined))
  } finally {
    clearTimeout(deadline)
  }
}

/** What an attempt is run with besides the options. */
export interface RunParts {
  readonly hooks: HookCaller
  readonly event: RolloutEvent
  /** In place of those that the rollout is pinned to. */
  readonly resources?: NamedResources
}

/** Reading resources, running the agent and writing its spans. The store's passing failures are ridden out meanwhile. */
async function runTraced<Task>(active: ActiveAttempt, options: ResolvedOptions<Task>, parts: RunParts): Promise<Ending> {
  const { claimed, signal } = active
  const { agent, store, leaseMs, logger, tracer, scorers } = options
  const { hooks, event } = parts
  const resources = parts.resources ?? (await retry(() => readResources(claimed, options), { forMs: leaseMs, signal }))
  checkNeeds(agent, resources)
  const sink: SpanSink = { addManySpans: (request) => retry(() => store.addManySpans(request), { forMs: leaseMs }) }
  const ids = { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
  const attempt = { ...ids, sink }
  const result = await tracer.trace(attempt, async (emit: Emitter): Promise<Called | Ending> => {
    const context = createAgentContext({ rollout: claimed, resources, signal, emit, store, logger })
    const stopped = (): Called => ({ kind: 'agent_error', error: signal.reason })
    await hooks.call('onTraceStart', { ...event, emit })
    const called = await untilStopped(callAgent(agent, context, { ...ids, logger }), active, options.abortGraceMs, stopped)
    await hooks.call('onTraceEnd', { ...event, emit, error: called.kind === 'called' ? null : called.error })
    const reason = active.stopReason()
    if (reason !== null) return { kind: 'stopped', reason }
    if (called.kind === 'called' && called.reward !== null) emit.reward(called.reward.value, called.reward.options)
    return called
  })
  if (result.kind !== 'called') return result
  // After what was traced, so that a reward among them is the last one.
  if (result.spans.length > 0) await sink.addManySpans({ spans: result.spans })
  if (scorers.length > 0) {
    const context = { task: claimed.input as Task, rollout: claimed, resources, signal, logger }
    await runScorers(scorers, { tracer, attempt, store, context })
  }
  return { kind: 'returned' }
}

function startDeadline(active: ActiveAttempt, options: ResolvedOptions): NodeJS.Timeout | undefined {
  const seconds = active.claimed.config.timeout_seconds
  const timeoutMs = seconds === null ? options.attemptTimeoutMs : seconds * 1000
  if (timeoutMs === null) return undefined
  // setTimeout takes at most 2^31 - 1 ms (about 25 days) and fires at once beyond.
  return setTimeout(() => active.stop('timeout'), Math.min(timeoutMs, 2 ** 31 - 1))
}

async function readResources(claimed: AttemptedRollout, { store }: ResolvedOptions): Promise<NamedResources> {
  const { resources_id: resourcesId, resources_version: version } = claimed
  if (resourcesId === null) return (await store.getLatestResources())?.resources ?? {}
  const update = await store.getResourcesById({ resourcesId, version })
  if (update !== null) return update.resources
  const which = version === null ? resourcesId : `${resourcesId} version ${version}`
  throw new AglError({
    code: 'not_found',
    message: `Rollout ${claimed.rollout_id} asks for resources ${which}, which the store does not have.`,
  })
}

type Called = ({ readonly kind: 'called' } & Returned) | Extract<Ending, { readonly error: unknown }>

/** Mode exactly `train` is training; everything else, no mode included, validation. */
async function callAgent<Task>(agent: Agent<Task>, context: AgentContext, from: ReturnedFrom): Promise<Called> {
  try {
    const { input, mode } = context.rollout
    const run = (mode === 'train' ? agent.trainingRollout : agent.validationRollout) ?? agent.rollout
    return { kind: 'called', ...toReturned(await run.call(agent, input as Task, context), from) }
  } catch (error) {
    return { kind: isInfraError(error) ? 'infra_error' : 'agent_error', error }
  }
}

/** Settles as `work` does; once the attempt is stopped, after `graceMs` at the latest, with what `give` makes then. */
async function untilStopped<Result>(
  work: Promise<Result>,
  { signal }: ActiveAttempt,
  graceMs: number,
  give: () => Result,
): Promise<Result> {
  const done = new AbortController()
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true, signal: done.signal })
  })
  const graceOver = stopped.then(async () => {
    await sleep(graceMs, undefined, { signal: done.signal }).catch(() => {})
    return give()
  })
  try {
    return await Promise.race([work, graceOver])
  } finally {
    done.abort()
  }
}
