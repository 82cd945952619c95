import { type Agent, rollout } from '@agl/runner'
import { createPromptedClerk, type ShopTask } from '@agl/shop-desk'
import { createTracedFetch } from '@agl/tracer-otel'

/** A sign for the shop window. */
export interface SignTask {
  readonly agent: 'signs'
  readonly item: string
  readonly price: number
}

export type Task = ShopTask | SignTask

export const signTemplate = 'today only: {item} for {price} coins!'

/** Two agents behind one door: a runner of a system takes whatever comes, and the task says whose it is. */
export function createAgents(): Agent<Task> {
  const clerk = createPromptedClerk({ fetch: createTracedFetch() })
  return rollout<Task>((task, context) => {
    if (!('agent' in task)) return clerk.rollout(task, context)
    const { item, price } = task
    const text = context.promptTemplate.format({ item, price })
    return text.includes(item) && text.includes(String(price)) ? 1 : 0
  })
}
