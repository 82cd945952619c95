import {
  type Attributes,
  type AttributeValue,
  isAttributeValue,
  modelCallAttributes as names,
  type NewSpan,
  spanNames,
} from '@agl/types'
import { buildSpan } from '@agl/types/spans'
import type { ChatAnswer, ChatMessage, ChatRequest } from './openai.ts'

/** One call as the gateway saw it. Times are epoch seconds. */
export interface Exchange {
  readonly rolloutId: string
  readonly attemptId: string
  readonly request: ChatRequest
  readonly answer: ChatAnswer | null
  /** Why there is no good answer; null when there is one. */
  readonly failure: string | null
  readonly startTime: number
  readonly endTime: number
}

/** The span of a call: named and filled as the adapters of both sides expect it. */
export function exchangeToSpan(exchange: Exchange): NewSpan {
  const { rolloutId, attemptId, startTime, endTime, failure } = exchange
  return buildSpan({
    rolloutId,
    attemptId,
    name: spanNames.chatCompletion,
    startTime,
    endTime,
    status: failure === null ? { status_code: 'OK', description: null } : { status_code: 'ERROR', description: failure },
    attributes: { ...requestAttributes(exchange.request), ...answerAttributes(exchange.answer ?? {}) },
  })
}

function requestAttributes(request: ChatRequest): Attributes {
  return valid({
    [names.operationName]: 'chat',
    [names.requestModel]: request.model,
    [names.requestTemperature]: numberOf(request['temperature']),
    [names.requestMaxTokens]: numberOf(request['max_completion_tokens'] ?? request['max_tokens']),
    [names.requestSeed]: numberOf(request['seed']),
    ...messageAttributes(names.prompt, request.messages),
  })
}

function answerAttributes(answer: ChatAnswer): Attributes {
  const choices = answer.choices ?? []
  const first = choices[0]
  return valid({
    [names.responseId]: answer.id,
    [names.responseModel]: answer.model,
    [names.responseFinishReasons]: choices.length === 0 ? undefined : choices.map((choice) => choice.finish_reason ?? ''),
    [names.inputTokens]: answer.usage?.prompt_tokens,
    [names.outputTokens]: answer.usage?.completion_tokens,
    ...messageAttributes(
      names.completion,
      choices.map((choice) => ({ role: 'assistant', ...choice.message })),
    ),
    ...Object.fromEntries(
      choices.map((choice, index) => [`${names.completion}.${index}.finish_reason`, choice.finish_reason ?? undefined]),
    ),
    [names.promptTokenIds]: answer.prompt_token_ids,
    [names.responseTokenIds]: first?.token_ids,
    [names.logprobsContent]: first?.logprobs?.content == null ? undefined : JSON.stringify(first.logprobs.content),
  })
}

function messageAttributes(prefix: string, messages: readonly ChatMessage[]): Record<string, unknown> {
  const attributes: Record<string, unknown> = {}
  for (const [index, message] of messages.entries()) {
    const key = `${prefix}.${index}`
    attributes[`${key}.role`] = message.role
    attributes[`${key}.content`] = textOf(message.content)
    attributes[`${key}.tool_call_id`] = message.tool_call_id
    for (const [position, call] of (message.tool_calls ?? []).entries()) {
      attributes[`${key}.tool_calls.${position}.id`] = call.id
      attributes[`${key}.tool_calls.${position}.name`] = call.function?.name
      attributes[`${key}.tool_calls.${position}.arguments`] = call.function?.arguments
    }
  }
  return attributes
}

function textOf(content: unknown): string | undefined {
  if (content === null || content === undefined) return undefined
  return typeof content === 'string' ? content : JSON.stringify(content)
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** Backends write null for what they do not have, and more that no attribute can hold; none of it may cost the span. */
function valid(attributes: Readonly<Record<string, unknown>>): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, AttributeValue] => isAttributeValue(entry[1])),
  )
}
