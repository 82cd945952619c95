import { type Agent, createRunner, rollout } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import { type LightningStore, type RunEvent, silentLogger } from '@agl/types'
import { traceToTriplets } from '../adapters/trace-to-triplets.ts'
import { randomFor } from '../run/hash.ts'
import type { Experiment } from './create-experiment.ts'
import type { ExperimentResult } from './run-experiment.ts'

/** A customer with something to ask. */
export interface Ask {
  readonly number: number
  readonly customer: string
}

export function asks(count: number, customers: number = count): readonly Ask[] {
  return Array.from({ length: count }, (_, number) => ({ number, customer: `c${number % customers}` }))
}

export function prompt(template: string): {
  readonly resources: {
    readonly prompt: { readonly resource_type: 'prompt_template'; readonly template: string; readonly engine: 'f-string' }
  }
} {
  return { resources: { prompt: { resource_type: 'prompt_template', template, engine: 'f-string' } } }
}

/** Serves each ask well with the chance that stands in its prompt: `0.7`. */
function createClerk(seed: number): Agent<Ask> {
  return rollout<Ask>(({ number }, { promptTemplate: { template } }) => {
    return randomFor(seed, template, number).next() < Number(template) ? 1 : 0
  })
}

/** Runs an experiment with runners of its own. */
export async function runTrial(
  experiment: Experiment<Ask>,
  tasks: readonly Ask[],
  options: {
    readonly store?: LightningStore
    readonly seed?: number
    readonly signal?: AbortSignal
    readonly onEvent?: (event: RunEvent) => void
  } = {},
): Promise<ExperimentResult> {
  const { store = createMemoryStore(), seed = 0 } = options
  const ended = new AbortController()
  const runner = createRunner({ agent: createClerk(seed), store, concurrency: 8 })
  const running = runner.run({ signal: ended.signal })
  try {
    return await experiment.run({
      store,
      adapter: traceToTriplets(),
      llmProxy: null,
      trainDataset: tasks,
      valDataset: [],
      initialResources: {},
      signal: options.signal ?? ended.signal,
      logger: silentLogger,
      state: { load: async () => undefined, save: async () => {} },
      report: (event) => options.onEvent?.(event),
    })
  } finally {
    ended.abort()
    await running
  }
}
