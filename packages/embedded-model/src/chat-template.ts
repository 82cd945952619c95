import { AglError } from '@agl/types'
import type { SpecialToken, Tokenizer } from './tokenizer.ts'

export type ChatRole = 'system' | 'user' | 'assistant' | 'tool'

/** A message of a conversation. The model writes text; calls of tools are text of the agent's own form. */
export interface ChatMessage {
  readonly role: ChatRole
  readonly content: string
}

/** A conversation to learn from: `weights` is 1 for what the assistant wrote, its end token included, else 0. */
export interface TrainingConversation {
  readonly tokens: number[]
  readonly weights: number[]
}

const roleTokens: Readonly<Record<ChatRole, SpecialToken>> = Object.freeze({
  system: '<system>',
  user: '<user>',
  assistant: '<assistant>',
  tool: '<tool>',
})

/** The prompt for the next message of the assistant: each message as role, content, `<end>`; then the role `<assistant>`. */
export function encodeChat(tokenizer: Tokenizer, messages: readonly ChatMessage[]): number[] {
  return [...messages.flatMap((message, index) => encodeMessage(tokenizer, message, index)), tokenizer.special('<assistant>')]
}

/** A whole conversation with the mask of what to learn. */
export function encodeConversation(tokenizer: Tokenizer, messages: readonly ChatMessage[]): TrainingConversation {
  const tokens: number[] = []
  const weights: number[] = []
  messages.forEach((message, index) => {
    const encoded = encodeMessage(tokenizer, message, index)
    const weight = message.role === 'assistant' ? 1 : 0
    tokens.push(...encoded)
    // The role token is given, never written by the model.
    weights.push(0, ...encoded.slice(1).map(() => weight))
  })
  return { tokens, weights }
}

function encodeMessage(tokenizer: Tokenizer, message: ChatMessage, index: number): number[] {
  assertPlain(message, index)
  return [tokenizer.special(roleTokens[message.role]), ...tokenizer.encode(message.content), tokenizer.special('<end>')]
}

/** Messages come from agents, which may hold more than the type says. */
function assertPlain(message: ChatMessage, index: number): void {
  const refuse = (problem: string): never => {
    throw new AglError({ code: 'invalid_argument', message: `Message ${index}: ${problem}`, data: { index } })
  }
  if (!Object.hasOwn(roleTokens, message.role)) {
    refuse(`expected role ${Object.keys(roleTokens).join(', ')}, got ${JSON.stringify(message.role)}.`)
  }
  if ('tool_calls' in message && message.tool_calls != null) {
    refuse('tool_calls are not supported by the embedded model: let the agent write its calls as text.')
  }
  if (typeof message.content !== 'string') refuse(`expected content to be a string, got ${JSON.stringify(message.content)}.`)
}
