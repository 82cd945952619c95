import { modelCallAttributes as names, type Span } from '@agl/types'
import { indexedGroups } from '@agl/types/spans'
import type { ChatMessage, ModelCall, TokenLogprob } from '../model-call.ts'

/**
 * `gen_ai.prompt.{i}.*` and `gen_ai.completion.{i}.*`: the form of AgentOps, Traceloop and our own gateway. Null for a
 * span that holds none of it.
 */
export function readGenAiIndexed({ attributes }: Pick<Span, 'attributes'>): ModelCall | null {
  const messages = indexedGroups(attributes, names.prompt)
  const answers = indexedGroups(attributes, names.completion)
  const tokenIds = numbers(attributes[names.responseTokenIds])
  if (messages.length === 0 && answers.length === 0 && tokenIds === null) return null
  return {
    operation: 'chat',
    model: text(attributes[names.requestModel]),
    parameters: {},
    messages: messages.map(toMessage),
    tools: null,
    responseId: text(attributes[names.responseId]),
    responseModel: text(attributes[names.responseModel]),
    modelVersion: null,
    choices: answers.map((answer, index) => ({
      message: toMessage(answer),
      finishReason: text(answer['finish_reason']),
      tokenIds: index === 0 ? tokenIds : null,
      logprobs: index === 0 ? logprobs(attributes[names.logprobsContent]) : null,
    })),
    promptTokenIds: numbers(attributes[names.promptTokenIds]),
    usage: null,
  }
}

function toMessage(group: Readonly<Record<string, unknown>>): ChatMessage {
  return { role: text(group['role']) ?? 'assistant', content: text(group['content']) }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function numbers(value: unknown): readonly number[] | null {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'number') ? value : null
}

function logprobs(value: unknown): readonly TokenLogprob[] | null {
  if (typeof value !== 'string') return null
  try {
    const parsed: unknown = JSON.parse(value)
    return Array.isArray(parsed) ? parsed : null
  } catch {
    return null
  }
}
