import { type Agent, rollout } from '@agl/runner'
import { complete } from './complete.ts'
import { playEpisode } from './episode.ts'
import type { ShopTask } from './tasks.ts'

/** The agent: an ordinary loop around an OpenAI-compatible model. It knows nothing of stores, algorithms or training. */
export const clerk: Agent<ShopTask> = rollout<ShopTask>(async (task, { llm, seed, signal }) => {
  const { reward } = await playEpisode(task, (messages, turn) => complete(llm, messages, { seed: (seed + turn) >>> 0, signal }))
  return reward
})
