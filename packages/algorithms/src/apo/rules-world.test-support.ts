import { createRunner, rollout } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import {
  type LightningStore,
  type RunEvent,
  modelCallAttributes,
  type NamedResources,
  type RolloutMode,
  type RunState,
  silentLogger,
  spanNames,
} from '@agl/types'
import { traceToTriplets } from '../adapters/trace-to-triplets.ts'
import type { ChatModel, ChatRequest } from '../models/chat-model.ts'
import { createMemoryState } from '../run/memory-state.ts'
import { randomFor } from '../run/hash.ts'
import { createApo } from './apo.ts'
import type { ApoOptions } from './options.ts'
import type { ApoResult } from './result.ts'

/** A task of one of four kinds, each of which needs a rule of its own in the prompt. */
export interface RulesTask {
  readonly number: number
  readonly kind: number
}

export const kinds = 4

export function tasks(count: number, from: number = 0): readonly RulesTask[] {
  return Array.from({ length: count }, (_, index) => ({ number: from + index, kind: index % kinds }))
}

/** How likely a prompt solves a task: 0.9 with its rule, else 0.2. */
export function chanceOf(prompt: string, { kind }: RulesTask, effect: number = 0.7): number {
  return 0.2 + (prompt.includes(`rule-${kind}.`) ? effect : 0)
}

export interface RulesWorld {
  readonly state?: RunState
  readonly store?: LightningStore
  readonly effect?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (event: RunEvent) => void
  readonly concurrency?: number
  /** Once the algorithm has ended, with the runner still there. */
  readonly onEnd?: () => Promise<void>
  readonly onRollout?: (mode: RolloutMode) => void
  /** Of one call of a model "actor" in each rollout. Default: none is recorded. */
  readonly tokens?: number
  readonly initialResources?: NamedResources
  readonly trainTasks?: readonly RulesTask[]
  readonly valTasks?: readonly RulesTask[]
}

/** A critic that names the kind of a failed task, and an editor that adds its rule; each wrong as often as asked. */
export function createRulesModel(
  options: { readonly wrong?: number; readonly onChat?: (request: ChatRequest) => void } = {},
): ChatModel {
  return {
    name: 'rules',
    async chat(request) {
      options.onChat?.(request)
      const text = request.messages[0]!.content
      return { text: answer(text, request.seed ?? 0), usage: { promptTokens: 10, completionTokens: 5 }, finishReason: 'stop' }
    },
  }

  function answer(text: string, seed: number): string {
    const random = randomFor(seed, 'answer')
    const isWrong = random.next() < (options.wrong ?? 0)
    if (text.includes('<experiment')) {
      const failed = [...text.matchAll(/reward="0"[^]*?"kind":(\d)/g)].map((match) => match[1]!)
      return isWrong || failed.length === 0 ? 'be kind' : `add rule-${failed[random.below(failed.length)]!}.`
    }
    const prompt = /<prompt>\n([^]*?)\n<\/prompt>/.exec(text)![1]!
    const addition = /rule-\d\./.exec(/<review>([^]*?)<\/review>/.exec(text)?.[1] ?? '')?.[0] ?? `note ${random.below(1000)}.`
    if (prompt.includes(addition)) return JSON.stringify({ template: prompt, rationale: 'nothing to do' })
    return JSON.stringify({ template: `${prompt} ${addition}`, rationale: 'as the review says' })
  }
}

/** Runs APO with a runner of its own. */
export async function runApo(world: RulesWorld, options: Partial<ApoOptions<RulesTask>> = {}): Promise<ApoResult> {
  const store = world.store ?? createMemoryStore()
  const stop = new AbortController()
  const signal = world.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, world.signal])
  const agent = rollout<RulesTask>((task, { promptTemplate, emit, rollout: { metadata, mode } }) => {
    if (world.tokens !== undefined) emit.span(spanNames.chatCompletion, callOf(world.tokens))
    world.onRollout?.(mode ?? 'train')
    const luck = randomFor(Number(metadata?.['seed']), promptTemplate.template).next()
    return luck < chanceOf(promptTemplate.template, task, world.effect) ? 1 : 0
  })
  const running = createRunner({ agent, store, concurrency: world.concurrency ?? 16 }).run({ signal })
  try {
    return await createApo<RulesTask>({ model: createRulesModel(), seed: 1, ...options }).run({
      store,
      adapter: traceToTriplets(),
      llmProxy: null,
      trainDataset: world.trainTasks ?? tasks(24),
      valDataset: world.valTasks ?? tasks(32, 100),
      initialResources: world.initialResources ?? {
        prompt: { resource_type: 'prompt_template', template: 'Solve {task}.', engine: 'f-string' },
      },
      signal,
      logger: silentLogger,
      state: world.state ?? createMemoryState(),
      report: world.onProgress ?? (() => {}),
    })
  } finally {
    await world.onEnd?.()
    stop.abort()
    await running
    if (world.store === undefined) await store.close()
  }
}

function callOf(tokens: number): Readonly<Record<string, string | number>> {
  const { requestModel, inputTokens, outputTokens, prompt, completion } = modelCallAttributes
  return {
    [requestModel]: 'actor',
    [inputTokens]: tokens,
    [outputTokens]: 0,
    [`${prompt}.0.role`]: 'user',
    [`${prompt}.0.content`]: 'Solve it.',
    [`${completion}.0.role`]: 'assistant',
    [`${completion}.0.content`]: 'Solved.',
  }
}
