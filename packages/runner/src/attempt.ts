import { AglError, type AttemptedRollout, type NamedResources } from '@agl/types'
import type { Agent } from './agent.ts'
import { createAgentContext } from './context.ts'
import type { ResolvedOptions } from './options.ts'

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
}

export function createActiveAttempt(claimed: AttemptedRollout): ActiveAttempt {
  const controller = new AbortController()
  let first: StopReason | null = null
  return {
    claimed,
    signal: controller.signal,
    stop(reason) {
      if (first !== null) return
      first = reason
      const { rollout_id: id } = claimed
      controller.abort(
        new AglError({ code: reason === 'timeout' ? 'timeout' : 'closed', message: `Rollout ${id} was stopped: ${reason}.` }),
      )
    },
    stopReason: () => first,
  }
}

/**
 * Runs the agent once and always settles: when the agent ends, or at most `abortGraceMs` after the attempt was stopped.
 * An agent that ignores its signal cannot be killed inside this process: its attempt is settled and its promise left
 * behind. What it returns after a stop does not count.
 */
export async function runAttempt<Task>(active: ActiveAttempt, options: ResolvedOptions<Task>): Promise<Ending> {
  const { claimed, signal } = active
  const deadline = startDeadline(active, options)
  try {
    const resources = await readResources(claimed, options)
    const ids = { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
    return await options.tracer.trace({ ...ids, sink: options.store }, async (emit) => {
      const context = createAgentContext({ rollout: claimed, resources, signal, emit })
      const agent = callAgent(options.agent, claimed.input as Task, context)
      const result = await untilStopped(agent, signal, options.abortGraceMs)
      const reason = active.stopReason()
      if (reason !== null) return { kind: 'stopped', reason }
      if (result.kind === 'returned' && result.reward !== null) emit.reward(result.reward)
      return result
    })
  } catch (error) {
    const reason = active.stopReason()
    return reason === null ? { kind: 'infra_error', error } : { kind: 'stopped', reason }
  } finally {
    clearTimeout(deadline)
  }
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
  throw new AglError({
    code: 'not_found',
    message: `Rollout ${claimed.rollout_id} asks for resources ${resourcesId}${version === null ? '' : ` version ${version}`}, which the store does not have.`,
  })
}

type AgentEnding =
  | { readonly kind: 'returned'; readonly reward: number | null }
  | { readonly kind: 'agent_error'; readonly error: unknown }

async function callAgent<Task>(
  agent: Agent<Task>,
  task: Task,
  context: Parameters<Agent<Task>['rollout']>[1],
): Promise<AgentEnding> {
  try {
    return { kind: 'returned', reward: toReward(await agent.rollout(task, context)) }
  } catch (error) {
    return { kind: 'agent_error', error }
  }
}

function toReward(returned: unknown): number | null {
  if (returned === null || returned === undefined) return null
  if (typeof returned === 'boolean') return returned ? 1 : 0
  if (typeof returned === 'number' && Number.isFinite(returned)) return returned
  throw new AglError({
    code: 'agent_failed',
    message: `An agent returns a finite number (its reward), a boolean, or nothing; it returned ${describe(returned)}.`,
  })
}

function describe(value: unknown): string {
  return typeof value === 'number' ? String(value) : `a value of type ${Array.isArray(value) ? 'array' : typeof value}`
}

/** Settles with the agent, or `graceMs` after the signal is aborted, whichever comes first. */
async function untilStopped(agent: Promise<AgentEnding>, signal: AbortSignal, graceMs: number): Promise<AgentEnding> {
  let timer: NodeJS.Timeout | undefined
  let startTimer = (): void => {}
  const graceOver = new Promise<AgentEnding>((resolve) => {
    startTimer = () => {
      timer = setTimeout(resolve, graceMs, { kind: 'agent_error', error: signal.reason })
    }
  })
  if (signal.aborted) startTimer()
  else signal.addEventListener('abort', startTimer, { once: true })
  try {
    return await Promise.race([agent, graceOver])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', startTimer)
  }
}
