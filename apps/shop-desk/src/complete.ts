import type { Llm } from '@agl/types'

/** A message as any chat model takes it. */
export interface ChatTurn {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** The model's next message; null when the conversation no longer fits its context. */
export async function complete(
  llm: Llm,
  messages: readonly ChatTurn[],
  {
    seed,
    signal,
    fetch = globalThis.fetch,
  }: { readonly seed: number; readonly signal: AbortSignal; readonly fetch?: typeof globalThis.fetch | undefined },
): Promise<string | null> {
  const response = await fetch(`${llm.endpoint}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(llm.api_key === null ? {} : { authorization: `Bearer ${llm.api_key}` }) },
    body: JSON.stringify({ model: llm.model, messages, max_tokens: 16, seed, ...llm.sampling_parameters }),
    signal,
  })
  const body = (await response.json()) as {
    readonly choices?: readonly { readonly message: { readonly content: string } }[]
    readonly error?: { readonly message: string; readonly code: string | null }
  }
  if (body.error?.code === 'context_length_exceeded') return null
  const said = body.choices?.[0]?.message.content
  if (said === undefined) throw new Error(`The model answered ${response.status}: ${body.error?.message ?? 'no choices'}`)
  return said.trim()
}
