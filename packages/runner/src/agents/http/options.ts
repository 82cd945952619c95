import { isPlainObject, type JsonValue, parseOptions } from '@agl/types'
import { z } from 'zod'
import type { AgentContext, AgentNeed, AgentResult } from '../../agent.ts'
import type { HttpReply } from './send.ts'

export interface HttpAgentOptions<Task = unknown> {
  /** Where the agent takes its tasks, by POST. A user and password in it are sent as such and told to nobody. */
  readonly url: string
  /** For example its authorization. */
  readonly headers?: Readonly<Record<string, string>>
  /** What is sent, for an agent with an API of its own. Default: an {@link HttpAgentRequest}. */
  readonly toRequest?: (task: Task, context: AgentContext) => JsonValue
  /** What its reply with status 200 comes to, for such an agent. Default: an {@link HttpAgentReply} is expected. */
  readonly toResult?: (reply: HttpReply, task: Task, context: AgentContext) => AgentResult | Promise<AgentResult>
  /** What must be among the resources. */
  readonly needs?: readonly AgentNeed[]
  /** Where a store server can be reached from the agent, for spans and rewards of its own. */
  readonly storeUrl?: string | null
  /** Longest time until the whole reply is there, in milliseconds. Null: that of the attempt. */
  readonly timeoutMs?: number | null
  /** Longest time from a reply with status 202 until the reward is in the store, in milliseconds. Null: that of the attempt. */
  readonly rewardTimeoutMs?: number | null
  /** How often a task is offered again that the agent has not taken; at least 0. */
  readonly retries?: number
  /** Longest reply in bytes, at least 1024. */
  readonly maxReplyBytes?: number
}

export type ResolvedHttp<Task = unknown> = Required<Omit<HttpAgentOptions<Task>, 'toRequest' | 'toResult'>> &
  Pick<HttpAgentOptions<Task>, 'toRequest' | 'toResult'>

/** The defaults of {@link HttpAgentOptions}. */
export const httpAgentDefaults: Readonly<Omit<ResolvedHttp, 'url' | 'toRequest' | 'toResult'>> = Object.freeze({
  headers: Object.freeze({}),
  needs: Object.freeze([]),
  storeUrl: null,
  timeoutMs: null,
  rewardTimeoutMs: null,
  retries: 5,
  maxReplyBytes: 32 * 1024 * 1024,
})

const aFunction = z.custom<() => unknown>((value) => typeof value === 'function', { error: 'expected a function' })

const optionsSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }),
  headers: z.custom<object>(isPlainObject, { error: 'expected an object' }).pipe(z.record(z.string(), z.string())).optional(),
  toRequest: aFunction.optional(),
  toResult: aFunction.optional(),
  needs: z.array(z.string()).optional(),
  storeUrl: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .optional(),
  timeoutMs: z.number().positive().nullable().optional(),
  rewardTimeoutMs: z.number().positive().nullable().optional(),
  retries: z.int().min(0).optional(),
  maxReplyBytes: z.int().min(1024).optional(),
})

export function resolveOptions<Task>(options: HttpAgentOptions<Task>): ResolvedHttp<Task> {
  return parseOptions(optionsSchema, options, httpAgentDefaults, 'options of httpAgent')
}
