import { type ApoOptions, type ApoResult, type ChatModel, createApo, createMemoryState, traceToTriplets } from '@agl/algorithms'
import { createRunner, rollout } from '@agl/runner'
import { type Models, placeholder, rewardOf, type Task, type World } from '@agl/simulated-world'
import { createMemoryStore } from '@agl/store-memory'
import { type NamedResources, type RunEvent, type RunState, silentLogger } from '@agl/types'

/** The world as APO sees it: an agent that calls the actor, and the models that criticize and edit. */
export interface Contest {
  readonly world: World
  readonly actor: (text: string, seed: number, signal: AbortSignal) => Promise<string>
  readonly model: { readonly critique: ChatModel; readonly edit: ChatModel }
  /** Rollouts at the same time. */
  readonly runners: number
}

/** In process and at once. */
export function contestOf(models: Models, runners: number): Contest {
  const optimizer = (model: 'critic' | 'editor'): ChatModel => ({
    name: model,
    async chat({ messages, seed }) {
      const { text } = models.call({ model, text: messages[0]!.content, ...(seed === undefined ? {} : { seed }) })
      return { text, usage: null, finishReason: 'stop' }
    },
  })
  return {
    world: models.world,
    actor: async (text, seed) => models.call({ model: 'actor', text, seed }).text,
    model: { critique: optimizer('critic'), edit: optimizer('editor') },
    runners,
  }
}

export interface OurRun {
  readonly result: ApoResult
  /** After each rollout that was paid for. */
  readonly rollouts: number
}

/** Train, validation and test tasks from the same ranges as the reference's; test tasks after them. */
export interface TaskCounts {
  readonly train: number
  readonly val: number
  readonly test: number
}

export function promptOf({ templates }: ApoResult['best']): string {
  return templates['prompt']!.template
}

export async function runOurs(
  contest: Contest,
  counts: TaskCounts,
  options: Partial<ApoOptions<Task>>,
  parts: { readonly state?: RunState; readonly report?: (event: RunEvent) => void; readonly signal?: AbortSignal } = {},
): Promise<OurRun> {
  const { world, actor, model, runners } = contest
  const store = createMemoryStore()
  const stop = new AbortController()
  let rollouts = 0
  const agent = rollout<Task>(async (task, { promptTemplate, rollout: { metadata }, signal }) => {
    rollouts += 1
    const text = promptTemplate.template.replaceAll(placeholder, task.text)
    return rewardOf(task, await actor(text, Number(metadata?.['seed']), signal))
  })
  const signal = parts.signal === undefined ? stop.signal : AbortSignal.any([parts.signal, stop.signal])
  const running = createRunner({ agent, store, concurrency: runners }).run({ signal })
  const initialResources: NamedResources = {
    prompt: { resource_type: 'prompt_template', template: world.seedPrompt, engine: 'f-string' },
  }
  try {
    const result = await createApo<Task>({
      model,
      ...options,
      testDataset: world.tasks(counts.test, counts.train + counts.val),
    }).run({
      store,
      adapter: traceToTriplets(),
      llmProxy: null,
      trainDataset: world.tasks(counts.train),
      valDataset: world.tasks(counts.val, counts.train),
      initialResources,
      signal,
      logger: silentLogger,
      state: parts.state ?? createMemoryState(),
      report: parts.report ?? (() => {}),
    })
    return { result, rollouts }
  } finally {
    stop.abort()
    await running
    await store.close()
  }
}
