import { createRandom } from '@agl/algorithms'
import { type Checkpoint, createEmbeddedModel } from '@agl/embedded-model'
import { createModelServer } from '@agl/embedded-model/server'
import type { Llm } from '@agl/types'
import type { Episode } from './episode.ts'
import { loadPromptModel } from './prompt-model.ts'
import { serveCustomer } from './prompted-clerk.ts'
import type { ShopTask } from './tasks.ts'

/** The model that reads prompts, behind its own endpoint, without store and runner: for examples, measurements and tests. */
export interface PromptDesk extends AsyncDisposable {
  readonly llm: Llm
  /** Completions asked for so far. */
  readonly calls: number
  /** Serves each customer under the prompt. */
  serve(prompt: string, tasks: readonly ShopTask[], seed: number): Promise<readonly Episode[]>
  /** The share of them that is served rightly. */
  score(prompt: string, tasks: readonly ShopTask[], seed: number): Promise<number>
  /** What the model says to one message. */
  ask(text: string, options: { readonly seed: number; readonly temperature: number }): Promise<string>
}

export async function openPromptDesk({
  checkpoint,
  temperature = 0.7,
}: { readonly checkpoint?: Checkpoint; readonly temperature?: number } = {}): Promise<PromptDesk> {
  const model = createEmbeddedModel({ checkpoint: checkpoint ?? (await loadPromptModel()) })
  await model.start()
  const server = createModelServer({ model })
  const { url } = await server.start()
  const { signal } = new AbortController()
  const llm: Llm = {
    resource_type: 'llm',
    endpoint: url,
    model: model.name,
    api_key: null,
    sampling_parameters: { temperature },
  }
  let calls = 0

  const serve: PromptDesk['serve'] = async (prompt, tasks, seed) => {
    const random = createRandom(seed)
    const seeds = tasks.map(() => random.seed())
    const episodes = await Promise.all(
      tasks.map((task, index) => serveCustomer(task, { llm, prompt, seed: seeds[index]!, signal })),
    )
    calls += episodes.flatMap(({ messages }) => messages.filter(({ role }) => role === 'assistant')).length
    return episodes
  }
  return {
    llm,
    get calls() {
      return calls
    },
    serve,
    async score(prompt, tasks, seed) {
      const episodes = await serve(prompt, tasks, seed)
      return episodes.reduce((sum, { reward }) => sum + reward, 0) / tasks.length
    },
    async ask(text, options) {
      calls += 1
      const response = await fetch(`${url}/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: llm.model, messages: [{ role: 'user', content: text }], ...options }),
      })
      const body = (await response.json()) as { readonly choices?: readonly { readonly message: { readonly content: string } }[] }
      return body.choices?.[0]?.message.content ?? ''
    },
    async [Symbol.asyncDispose]() {
      await server.close()
      await model.close()
    },
  }
}
