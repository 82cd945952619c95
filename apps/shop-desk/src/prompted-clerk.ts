import { type Agent, rollout } from '@agl/runner'
import { type Llm, spanAttributes } from '@agl/types'
import { complete } from './complete.ts'
import { type Episode, playEpisode } from './episode.ts'
import { describeResult } from './feedback.ts'
import type { ShopTask } from './tasks.ts'
import { isCall } from './tools.ts'

export interface PromptedClerkOptions {
  /** What stands before the prompt and is not to be improved: for a model that was not made for this desk, `deskInstructions`. */
  readonly preface?: string
  /** For one that records what is asked: `createTracedFetch()` of `@agl/tracer-otel`. Default: `globalThis.fetch`. */
  readonly fetch?: typeof globalThis.fetch
}

/** What the desk takes and gives, for a model that has never stood at it. How to serve is left to the prompt. */
export const deskInstructions: string = [
  'You talk to a program, one line per message and nothing else. A line is either a call of a tool:',
  'price(item) for the price of an item, stock(item) for how many are left, calc(a*b) or calc(a+b) for two whole numbers,',
  'or else it is said to the customer and ends the conversation. Items are written in the singular.',
].join('\n')

/** The clerk of `clerk.ts` with a prompt: the first prompt template among the resources, rendered, is its system message. */
export function createPromptedClerk({ preface, fetch }: PromptedClerkOptions = {}): Agent<ShopTask> {
  return rollout<ShopTask>(
    async (task, { llm, promptTemplate, seed, signal, emit }) => {
      const prompt = promptTemplate.format()
      const episode = await serveCustomer(task, {
        llm,
        prompt: preface === undefined ? prompt : `${preface}\n\n${prompt}`,
        seed,
        signal,
        fetch,
      })
      emit.annotation({ [spanAttributes.feedback]: describeResult(task, episode) })
      return episode.reward
    },
    { needs: ['llm', 'prompt_template'] },
  )
}

/** For the model of `loadPromptModel`, which knows the desk. */
export const promptedClerk: Agent<ShopTask> = createPromptedClerk()

/** One customer served by a model under a prompt; what is no call is said to the customer, who then leaves. */
export async function serveCustomer(
  task: ShopTask,
  {
    llm,
    prompt,
    seed,
    signal,
    fetch,
  }: {
    readonly llm: Llm
    readonly prompt: string
    readonly seed: number
    readonly signal: AbortSignal
    readonly fetch?: typeof globalThis.fetch | undefined
  },
): Promise<Episode> {
  return await playEpisode(task, async (said, turn) => {
    if (turn > 0 && !isCall(said.at(-2)!.content)) return null
    return await complete(llm, [{ role: 'system', content: prompt }, ...said], { seed: (seed + turn) >>> 0, signal, fetch })
  })
}
