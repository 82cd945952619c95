import { createMemoryStore } from '@agl/store-memory'
import type { AttemptedRollout, EnqueueRolloutRequest, JsonValue, LightningStore, Logger, NamedResources, Span } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import type { Agent } from '../agent.ts'
import type { RunnerOptions } from '../options.ts'
import { createRunner } from '../runner.ts'

/** What one rollout came to. */
export interface Played {
  readonly rollout: AttemptedRollout
  readonly outcome: string | null
  /** Of the reason that the attempt keeps; '' when there is none. */
  readonly message: string
  readonly reward: number | null
  /** In the order of their sequence ids. */
  readonly spans: readonly Span[]
  /** What was logged at warn and above. */
  readonly warnings: readonly string[]
}

export interface Play extends Partial<Omit<EnqueueRolloutRequest, 'input'>> {
  readonly resources?: NamedResources
  readonly runner?: Partial<RunnerOptions>
  readonly store?: LightningStore
}

/** Runs the agent once on a task, on a store of its own unless one is given. */
export async function play(agent: Agent<never>, input: JsonValue, options: Play = {}): Promise<Played> {
  const { resources, runner, store = createMemoryStore(), ...request } = options
  if (resources !== undefined) await store.addResources({ resources })
  const { rollout_id: rolloutId } = await store.enqueueRollout({ input, ...request })
  const { logger, warnings } = listen()
  await createRunner({ agent: agent as Agent, store, logger, maxRollouts: 1, ...runner }).run()
  const rollout = (await store.getRolloutById({ rolloutId })) as AttemptedRollout
  const { items: spans } = await store.querySpans({ rolloutId })
  if (options.store === undefined) await store.close()
  const { error } = (rollout.attempt.metadata ?? {}) as { readonly error?: { readonly message: string } }
  const { outcome } = rollout.attempt
  return { rollout, outcome, message: error?.message ?? '', reward: findFinalReward(spans), spans, warnings }
}

function listen(): { readonly logger: Logger; readonly warnings: string[] } {
  const warnings: string[] = []
  const warn = (message: string): void => void warnings.push(message)
  return { logger: { debug() {}, info() {}, warn, error: warn }, warnings }
}

/** A model resource at this endpoint. */
export function modelAt(endpoint: string, fields: { readonly model?: string; readonly api_key?: string } = {}): NamedResources {
  return {
    model: { resource_type: 'proxy_llm', endpoint, model: 'tiny', api_key: null, sampling_parameters: {}, ...fields },
  }
}

/** A prompt template resource. */
export function promptOf(template: string): NamedResources {
  return { prompt: { resource_type: 'prompt_template', template, engine: 'f-string' } }
}
