import type { ChatMessage, ToolDefinition } from '@agl/model-calls'

/** A conversation to learn from, in the shape of OpenAI's fine-tuning files. The last message is the answer. */
export interface MessagesExample {
  readonly messages: readonly ChatMessage[]
  /** Null when the call offered none. */
  readonly tools: readonly ToolDefinition[] | null
}
