import { AglError, describeIssue, type Emitter, type JsonValue, type RewardValue } from '@agl/types'
import { collectSpans } from '@agl/types/spans'
import { z } from 'zod'
import type { AgentResult, ReturnedSpan } from '../../agent.ts'
import { placeOf, quoteOf } from './offer.ts'
import type { HttpReply } from './send.ts'

/** What a deployed agent answers with status 200, in JSON; everything may be left out, and more may be there. */
export interface HttpAgentReply {
  readonly reward?: RewardValue | boolean | null
  /** The dimension that counts, where the reward has several. */
  readonly primary?: string | null
  /** What it did, in the form of `SpanCoreFields`; status and times may be left out. */
  readonly spans?: readonly Readonly<Record<string, JsonValue>>[]
  /** What it has to say, for people. */
  readonly messages?: readonly string[]
  /** That it failed, and why. */
  readonly error?: string | null
}

const replySchema = z.object({
  reward: z.union([z.number(), z.boolean(), z.record(z.string(), z.number())]).nullish(),
  primary: z.string().nullish(),
  spans: z.array(z.record(z.string(), z.unknown())).default([]),
  messages: z.array(z.string()).default([]),
  error: z.string().nullish(),
})

/** @throws AglError `agent_failed` for a reply of another shape, or one that tells of an error */
export function readHttpAgentReply(reply: HttpReply, url: URL, emit: Emitter): AgentResult {
  if (reply.body.trim() === '') return null
  const { reward, primary, spans, messages, error } = parse(reply, url)
  for (const message of messages) emit.message(message)
  if (error != null) throw failed(url, `says that it failed: ${error}`)
  if (reward == null) return spans.length === 0 ? null : (spans as unknown as readonly ReturnedSpan[])
  const returned = { reward, ...(primary == null ? {} : { primary }) }
  if (spans.length === 0) return returned
  const value = typeof reward === 'boolean' ? Number(reward) : reward
  const last = collectSpans((later) => later.reward(value, primary == null ? {} : { primary }))
  return [...(spans as unknown as readonly ReturnedSpan[]), ...last]
}

function parse(reply: HttpReply, url: URL): z.infer<typeof replySchema> {
  let value: unknown
  try {
    value = JSON.parse(reply.body)
  } catch {
    throw failed(url, `answered what is no JSON: ${quoteOf(reply)}`)
  }
  const result = replySchema.safeParse(value ?? {})
  if (result.success) return result.data
  const problems = result.error.issues.slice(0, 5).map((issue) => describeIssue(issue, value))
  throw failed(
    url,
    `answered another shape than { reward, primary, spans, messages, error }:\n${problems.join('\n')}\nIt began: ${quoteOf(reply)}`,
  )
}

function failed(url: URL, what: string): AglError {
  return new AglError({ code: 'agent_failed', message: `The agent at ${placeOf(url)} ${what}` })
}
