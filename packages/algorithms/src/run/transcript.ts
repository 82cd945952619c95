import { type ChatMessage, readModelCall } from '@agl/model-calls'
import { type JsonValue, type Span, spanAttributes } from '@agl/types'
import { traceToMessages } from '../adapters/trace-to-messages.ts'
import type { CollectedRollout } from '../collect.ts'
import type { CallUsage } from './prices.ts'

/** What somebody who improves the agent may see of one rollout: nothing of its grader but the verdict. */
export interface Transcript {
  readonly input: JsonValue
  /** How the attempt ended: `scored`, `agent_error`, … */
  readonly status: string
  readonly reward: number | null
  /** The conversations with the model, one after the other, each in its longest form. */
  readonly messages: readonly { readonly role: string; readonly content: string }[]
  /** What the scorer or the environment said; '' = nothing. */
  readonly feedback: string
}

// Grading may call models too; the grader's conversation must not be learnt from.
const conversations = traceToMessages({ excludeCallsInReward: true, mergeConversations: true })

/** @param maxCharacters of the messages together, and of the feedback; what is longer loses its middle */
export function toTranscript({ rollout, attempt, spans, reward }: CollectedRollout, maxCharacters: number): Transcript {
  const messages = conversations.adapt(spans).flatMap((example) => example.messages.map(toPlainMessage))
  return {
    input: rollout.input,
    status: attempt?.outcome ?? rollout.status,
    reward,
    messages: shorten(messages, maxCharacters),
    feedback: cutMiddle(feedbackOf(spans, attempt?.metadata?.['error']), maxCharacters),
  }
}

/** The calls of models that a rollout recorded, its grader's included: they cost as well. */
export function usageOf(spans: readonly Span[]): readonly CallUsage[] {
  const seen = new Set<string>()
  return spans.flatMap((span) => {
    const call = readModelCall(span)
    if (call === null) return []
    if (call.responseId !== null && seen.has(call.responseId)) return []
    if (call.responseId !== null) seen.add(call.responseId)
    const { inputTokens = null, outputTokens = null } = call.usage ?? {}
    return [{ model: call.model ?? call.responseModel ?? 'unknown', inputTokens, outputTokens }]
  })
}

function feedbackOf(spans: readonly Span[], error: unknown): string {
  const said = spans.map(({ attributes }) => attributes[spanAttributes.feedback]).filter((text) => typeof text === 'string')
  const failed = typeof error === 'object' && error !== null && 'message' in error ? [`It failed: ${String(error.message)}`] : []
  return [...said, ...failed].join('\n')
}

function toPlainMessage({ role, content, tool_calls: calls = [] }: ChatMessage): { role: string; content: string } {
  const parts =
    typeof content === 'string'
      ? [content]
      : (content ?? []).map((part) => (typeof part['text'] === 'string' ? part['text'] : `[${part.type}]`))
  const asked = calls.map(({ function: { name, arguments: text } }) => `${name}(${text})`)
  return { role, content: [...parts, ...asked].filter((text) => text !== '').join('\n') }
}

function shorten(
  messages: readonly { readonly role: string; readonly content: string }[],
  maxCharacters: number,
): readonly { readonly role: string; readonly content: string }[] {
  const total = messages.reduce((length, { content }) => length + content.length, 0)
  if (total <= maxCharacters) return messages
  const most = Math.max(2, Math.floor(maxCharacters / fewestCharacters))
  if (messages.length > most) {
    const half = Math.floor(most / 2)
    return shorten([...messages.slice(0, half), ...messages.slice(-half)], maxCharacters)
  }
  const share = Math.floor(maxCharacters / messages.length)
  return messages.map(({ role, content }) => ({ role, content: cutMiddle(content, share) }))
}

/** Less of a message tells nothing. */
const fewestCharacters = 40

export function cutMiddle(text: string, length: number): string {
  if (text.length <= length) return text
  const half = Math.max(1, Math.floor((length - 5) / 2))
  // A cut through a character of two halves leaves one that no server takes.
  return `${text.slice(0, half)} ... ${text.slice(-half)}`.toWellFormed()
}
