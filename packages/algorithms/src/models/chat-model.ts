import { isPlainObject, type JsonObject, jsonObjectSchema, parseOrThrow } from '@agl/types'
import { z } from 'zod'

/** The model that an algorithm thinks with: critic, editor, judge. Not the agents' own, which the gateway records. */
export interface ChatModel {
  /** For logs and reports. */
  readonly name: string
  /**
   * One answer. What a later try may mend (rate limits, failures of the service or the network) has been tried again when this
   * rejects, as far as the maker's `retry` and `deadlineMs` go.
   * @throws AglError `upstream_failed`, `timeout`, or what the service refused the request with
   */
  chat(request: ChatRequest): Promise<ChatReply>
}

export interface ModelMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

export interface ChatRequest {
  /** At least one; those of the system come first. */
  readonly messages: readonly ModelMessage[]
  /** At least 0. Default: the service's own; left out for models that refuse it. */
  readonly temperature?: number
  /** Longest answer in tokens, at least 1. Default: the service's own. */
  readonly maxTokens?: number
  /** The same seed gives the same answer, where the service can do that. Left out where it cannot. */
  readonly seed?: number
  /**
   * `json`, or a JSON schema in the form that strict services take: every object with all its properties `required` and
   * `additionalProperties: false`. A service that knows no such format is asked for it in words, so read the answer with care.
   */
  readonly responseFormat?: 'json' | JsonObject
  readonly signal?: AbortSignal
}

export interface ChatReply {
  /** Empty when the model said nothing, for example because it was cut short while thinking. */
  readonly text: string
  /** In tokens, of the try that was answered; null where the service does not say. */
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number } | null
  /** `length`: the answer was cut short. `content_filter`: refused. */
  readonly finishReason: 'stop' | 'length' | 'content_filter' | 'other'
}

const requestSchema = z.strictObject({
  messages: z
    .array(z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }))
    .min(1, { error: 'expected at least one message' }),
  temperature: z.number().min(0).optional(),
  maxTokens: z.int().min(1).optional(),
  seed: z.int().optional(),
  responseFormat: z.union([z.literal('json'), jsonObjectSchema], { error: 'expected "json" or a JSON schema' }).optional(),
  signal: z.instanceof(AbortSignal).optional(),
})

/** @throws AglError `invalid_argument` */
export function parseChatRequest(request: ChatRequest): ChatRequest {
  parseOrThrow(requestSchema, request, 'request of chat')
  return request
}

/** Asks for a format in words, of a model whose service cannot be told it. */
export function describeFormat(format: NonNullable<ChatRequest['responseFormat']>): string {
  const words = 'Answer with one JSON value and nothing else: no explanation, no code fence.'
  return isPlainObject(format) ? `${words} It has to fit this JSON schema:\n${JSON.stringify(format)}` : words
}

/** Text of a message that may be made of parts; thoughts are none. */
export function textOfContent(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part: unknown) => (isPlainObject(part) && part['type'] === 'text' ? String(part['text'] ?? '') : ''))
    .join('')
}

/** @param reason as OpenAI spells it, or the AI SDK */
export function finishReasonOf(reason: string | null): ChatReply['finishReason'] {
  switch (reason) {
    case 'stop':
    case 'length':
      return reason
    case 'content_filter':
    case 'content-filter':
      return 'content_filter'
    default:
      return 'other'
  }
}
