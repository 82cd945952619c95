import { z } from 'zod'

/** What the gateway needs of a Chat Completions request; everything else is passed on as it came. */
export interface ChatRequest {
  readonly model: string
  readonly messages: readonly { readonly role: string; readonly [field: string]: unknown }[]
  readonly stream?: boolean | null
  readonly [field: string]: unknown
}

export const chatRequestSchema: z.ZodType<ChatRequest> = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string() })).min(1),
  stream: z.boolean().nullable().exactOptional(),
}) as z.ZodType<ChatRequest>

/** The body of an error in the form of the OpenAI API, which every SDK shows to its user. */
export function errorBody(message: string, type: string, code: string | null = null): object {
  return { error: { message, type, param: null, code } }
}
