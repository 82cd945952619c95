import { type Agent, rollout } from '@agl/runner'
import type { Llm } from '@agl/types'
import { type Message, playEpisode } from './episode.ts'
import type { ShopTask } from './tasks.ts'

/** The agent: an ordinary loop around an OpenAI-compatible model. It knows nothing of stores, algorithms or training. */
export const clerk: Agent<ShopTask> = rollout<ShopTask>(async (task, { llm, seed, signal }) => {
  const { reward } = await playEpisode(task, (messages, turn) => complete(llm, messages, (seed + turn) >>> 0, signal))
  return reward
})

/** The model's next message; null when the conversation no longer fits its context. */
async function complete(llm: Llm, messages: readonly Message[], seed: number, signal: AbortSignal): Promise<string | null> {
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
