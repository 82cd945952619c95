/**
 * One call of a language model, in the shapes of OpenAI's Chat Completions, whatever API it went over and whoever
 * recorded it. Gateways and instrumentation write it into spans; adapters, checks and pages read it back.
 */
export interface ModelCall {
  /** What was asked for: `gen_ai.operation.name`. */
  readonly operation: 'chat' | 'text_completion'
  /** The model asked for; null when nothing says. */
  readonly model: string | null
  /** Sampling parameters and the like as the request spelled them; messages and tools are not among them. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** What the model was given, instructions first. A plain prompt is one message of the user. */
  readonly messages: readonly ChatMessage[]
  /** Null when the request offered none. */
  readonly tools: readonly ToolDefinition[] | null
  /** The backend's id of the answer: what tells two records of one call from two calls. */
  readonly responseId: string | null
  /** The model that answered. */
  readonly responseModel: string | null
  /** Version of the weights that answered, where a gateway knows it. */
  readonly modelVersion: string | null
  /** Empty when there is no answer. */
  readonly choices: readonly ModelChoice[]
  /** The prompt exactly as the model saw it; null where the backend does not say. */
  readonly promptTokenIds: readonly number[] | null
  readonly usage: ModelUsage | null
}

export interface ModelChoice {
  /** Role `assistant`. */
  readonly message: ChatMessage
  /** `stop`, `length`, `tool_calls`, `content_filter` ...; null while unknown. */
  readonly finishReason: string | null
  /** The answer exactly as the model sampled it; null where the backend does not say. */
  readonly tokenIds: readonly number[] | null
  /** Natural log-probability of each sampled token; null where the backend does not say. */
  readonly logprobs: readonly TokenLogprob[] | null
}

/** One entry of OpenAI's `logprobs.content`; further fields stay. */
export interface TokenLogprob {
  readonly token: string
  readonly logprob: number
  readonly [field: string]: unknown
}

/** In tokens; null where the backend does not say. */
export interface ModelUsage {
  readonly inputTokens: number | null
  readonly outputTokens: number | null
}

/** A message of a conversation; fields beyond these (`name`, `refusal`, `reasoning_content`) stay. */
export interface ChatMessage {
  readonly role: string
  /** Text, parts (`text`, `image_url` ...), or null when the message is made of tool calls. */
  readonly content: string | readonly ContentPart[] | null
  readonly tool_calls?: readonly ToolCall[]
  /** On a message of role `tool`: the call it answers. */
  readonly tool_call_id?: string
  readonly [field: string]: unknown
}

export interface ContentPart {
  readonly type: string
  readonly [field: string]: unknown
}

export interface ToolCall {
  readonly id: string
  readonly type: 'function'
  /** `arguments` is JSON text as the model wrote it, valid or not. */
  readonly function: { readonly name: string; readonly arguments: string }
}

export interface ToolDefinition {
  readonly type: 'function'
  /** `parameters` is a JSON schema. */
  readonly function: { readonly name: string; readonly description?: string; readonly parameters?: unknown }
}
