import { AglError } from '@agl/types'
import type { Agent, AgentContext, AgentNeed, AgentResult } from '../../agent.ts'
import { runScorer } from '../run-scorer.ts'
import { offer, placeOf } from './offer.ts'
import { type HttpAgentOptions, type ResolvedHttp, resolveOptions } from './options.ts'
import { readHttpAgentReply } from './reply.ts'
import { toHttpAgentRequest } from './request.ts'

/**
 * An agent that is deployed somewhere: each task is posted to it, and its reply holds the reward. With status 202 it
 * takes the task and writes the reward into the store later; the attempt goes on until then. An abort ends the request, by which
 * the agent learns of it.
 */
export function httpAgent<Task = unknown>(options: HttpAgentOptions<Task>): Agent<Task> {
  const resolved = resolveOptions(options)
  const url = new URL(resolved.url)
  const needs: readonly AgentNeed[] = Object.freeze([...resolved.needs])
  return Object.freeze({
    needs,
    async rollout(task: Task, context: AgentContext): Promise<AgentResult> {
      const { toResult, timeoutMs, rewardTimeoutMs } = resolved
      const reply = await withLimit(
        timeoutMs,
        context,
        (signal) => post(task, context, { resolved, url, signal }),
        () => late(url, `did not answer within ${timeoutMs} ms`),
      )
      if (reply.status === 202) {
        const wait = (signal: AbortSignal): Promise<number> => context.waitForReward({ signal })
        await withLimit(rewardTimeoutMs, context, wait, () =>
          late(url, `took the task (202), but its reward was not in the store within ${rewardTimeoutMs} ms`),
        )
        return null
      }
      if (toResult !== undefined) return await runScorer(() => toResult(reply, task, context), context)
      return readHttpAgentReply(reply, url, context.emit)
    },
  })
}

async function post<Task>(
  task: Task,
  context: AgentContext,
  { resolved, url, signal }: { readonly resolved: ResolvedHttp<Task>; readonly url: URL; readonly signal: AbortSignal },
): ReturnType<typeof offer> {
  const { toRequest, storeUrl, headers, retries, maxReplyBytes } = resolved
  const body = toRequest === undefined ? toHttpAgentRequest(task, context, storeUrl) : toRequest(task, context)
  const key = { 'idempotency-key': context.rollout.attempt.attempt_id }
  return await offer(
    { url, headers: { ...key, ...headers }, body: JSON.stringify(body), maxReplyBytes, signal },
    { retries, logger: context.logger },
  )
}

/** Runs `work` until the attempt is stopped, or its own time is over. */
async function withLimit<Result>(
  limitMs: number | null,
  { signal }: AgentContext,
  work: (signal: AbortSignal) => Promise<Result>,
  over: () => AglError,
): Promise<Result> {
  if (limitMs === null) return await work(signal)
  // A timer takes at most 2^31 - 1 ms and fires at once beyond.
  const limit = AbortSignal.timeout(Math.min(limitMs, 2 ** 31 - 1))
  try {
    return await work(AbortSignal.any([signal, limit]))
  } catch (error) {
    throw limit.aborted && !signal.aborted ? over() : error
  }
}

function late(url: URL, what: string): AglError {
  return new AglError({ code: 'agent_failed', message: `The agent at ${placeOf(url)} ${what}.` })
}
