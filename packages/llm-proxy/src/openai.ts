import { z } from 'zod'

/** What the gateway needs of a Chat Completions request; everything else is passed on as it came. */
export interface ChatRequest {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly stream?: boolean | null
  readonly [field: string]: unknown
}

export interface ChatMessage {
  readonly role: string
  readonly content?: unknown
  readonly tool_calls?: readonly ToolCall[]
  readonly tool_call_id?: string
  readonly [field: string]: unknown
}

export interface ToolCall {
  readonly id?: string
  readonly function?: { readonly name?: string; readonly arguments?: string }
}

export const chatRequestSchema: z.ZodType<ChatRequest> = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string() })).min(1),
  stream: z.boolean().nullable().exactOptional(),
}) as z.ZodType<ChatRequest>

/** What the gateway reads of an answer; loose, because backends differ and the agent gets the original anyway. */
export interface ChatAnswer {
  readonly id?: string
  readonly model?: string
  readonly choices?: readonly {
    readonly index?: number
    readonly message?: ChatMessage
    readonly finish_reason?: string | null
    readonly token_ids?: readonly number[]
    readonly logprobs?: { readonly content?: readonly unknown[] | null } | null
  }[]
  readonly prompt_token_ids?: readonly number[]
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number } | null
}

/** The body of an error in the form of the OpenAI API, which every SDK shows to its user. */
export function errorBody(message: string, type: string, code: string | null = null): object {
  return { error: { message, type, param: null, code } }
}
