import { AglError, type AttemptedRollout, type Emitter, type NamedResources, type SpanSink } from '@agl/types'
import type { Agent, AgentContext } from './agent.ts'
import { isInfraError } from './agents/infra-error.ts'
import { type Returned, type ReturnedFrom, toReturned } from './agents/returned.ts'
import { checkNeeds, createAgentContext } from './context.ts'
import type { HookCaller, RolloutEvent } from './hooks.ts'
import type { ResolvedOptions } from './options.ts'
import { retry } from './retry.ts'
import { runScorers } from './scorers.ts'
import { snapshotsOf } from './snapshots.ts'

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
  /**
   * The first reason counts; later ones change nothing.
   * @param failure what is to blame, where the attempt is to end by it and not to be handed back
   */
  stop(reason: StopReason, failure?: AglError): void
  /** How the attempt ends because it was stopped; null when it was not. */
  stopped(): Ending | null
  /** Aborted when a store that does not take the end of the attempt is not waited for any longer. */
  readonly abandoned: AbortSignal
  abandon(): void
}

export function createActiveAttempt(claimed: AttemptedRollout): ActiveAttempt {
  const controller = new AbortController()
  const abandoning = new AbortController()
  let first: Ending | null = null
  return {
    claimed,
    signal: controller.signal,
    abandoned: abandoning.signal,
    abandon() {
      const message = 'The runner is to end, and the store has not taken how the attempt ended in time.'
      abandoning.abort(new AglError({ code: 'closed', message }))
    },
    stop(reason, failure) {
      if (first !== null) return
      first = failure === undefined ? { kind: 'stopped', reason } : { kind: 'infra_error', error: failure }
      const message = `Rollout ${claimed.rollout_id} was stopped: ${reason}.`
      controller.abort(failure ?? new AglError({ code: reason === 'timeout' ? 'timeout' : 'closed', message }))
    },
    stopped: () => first,
  }
}

/**
 * Runs the agent once and always settles, at most twice `abortGraceMs` after the attempt was stopped: once for the agent, once
 * for its last spans. An agent that ignores its signal, and a store that never answers, cannot be killed inside this
 * process: the attempt is settled and their promise left behind. What an agent returns after a stop does not count.
 */
export async function runAttempt<Task>(active: ActiveAttempt, options: ResolvedOptions<Task>, parts: RunParts): Promise<Ending> {
  const deadline = startDeadline(active, options)
  const toEnding = (error: unknown): Ending => active.stopped() ?? { kind: 'infra_error', error }
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
  const { agent, store, leaseMs, logger, agentLogger, tracer, scorers, measures } = options
  const { hooks, event } = parts
  const retries = measures.storeRetries
  const resources = parts.resources ?? (await loadResources(active, options))
  checkNeeds(agent, resources)
  const sink: SpanSink = {
    addManySpans: (request) =>
      retry(() => store.addManySpans(request), { forMs: leaseMs, counted: { call: 'add_many_spans', retries } }),
  }
  const ids = { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
  const attempt = { ...ids, sink }
  const result = await tracer.trace(attempt, async (emit: Emitter): Promise<Called | Ending> => {
    const context = createAgentContext({ rollout: claimed, resources, signal, emit, store, logger: agentLogger })
    const stopped = (): Called => ({ kind: 'agent_error', error: signal.reason })
    await hooks.call('onTraceStart', { ...event, emit })
    const called = await untilStopped(callAgent(agent, context, { ...ids, logger }), active, options.abortGraceMs, stopped)
    await hooks.call('onTraceEnd', { ...event, emit, error: called.kind === 'called' ? null : called.error })
    const ending = active.stopped()
    if (ending !== null) return ending
    if (called.kind === 'called' && called.reward !== null) emit.reward(called.reward.value, called.reward.options)
    return called
  })
  if (result.kind !== 'called') return result
  // After what was traced, so that a reward among them is the last one.
  if (result.spans.length > 0) await sink.addManySpans({ spans: result.spans })
  if (scorers.length > 0) {
    const context = { task: claimed.input as Task, rollout: claimed, resources, signal, logger: agentLogger }
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

async function loadResources<Task>({ claimed, signal }: ActiveAttempt, options: ResolvedOptions<Task>): Promise<NamedResources> {
  const { leaseMs, measures } = options
  const asked = performance.now()
  const counted = { call: 'get_resources', retries: measures.storeRetries }
  const resources = await retry(() => readResources(claimed, options), { forMs: leaseMs, signal, counted })
  measures.resourcesSeconds.record((performance.now() - asked) / 1000)
  return resources
}

async function readResources(claimed: AttemptedRollout, { store }: ResolvedOptions): Promise<NamedResources> {
  const { resources_id: resourcesId, resources_version: version } = claimed
  if (resourcesId === null) return (await store.getLatestResources())?.resources ?? {}
  const update = await snapshotsOf(store).get(resourcesId, version)
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
  const { promise: graceOver, resolve } = Promise.withResolvers<Result>()
  let timer: NodeJS.Timeout | undefined
  const onStop = (): void => {
    timer = setTimeout(() => resolve(give()), graceMs)
  }
  if (signal.aborted) onStop()
  else signal.addEventListener('abort', onStop, { once: true })
  try {
    return await Promise.race([work, graceOver])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onStop)
  }
}
