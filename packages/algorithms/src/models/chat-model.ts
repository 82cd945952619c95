export interface ModelMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}
export interface ChatRequest {
  readonly messages: readonly ModelMessage[]
  readonly temperature?: number
  readonly maxTokens?: number
  readonly seed?: number
  readonly signal?: AbortSignal
}
export interface ChatReply {
  readonly text: string
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number } | null
  readonly finishReason: string | null
}
export interface ChatModel {
  readonly name: string
  chat(request: ChatRequest): Promise<ChatReply>
}
