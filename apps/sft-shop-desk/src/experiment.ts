import { createRandom, createSft, type SftResult } from '@agl/algorithms'
import { createEmbeddedModel } from '@agl/embedded-model'
import { createModelServer } from '@agl/embedded-model/server'
import { createLlmProxy } from '@agl/llm-proxy'
import { clerk, createTasks, loadBaseModel, type ShopTask } from '@agl/shop-desk'
import { createMemoryStore } from '@agl/store-memory'
import { createOtelTracer } from '@agl/tracer-otel'
import { createTrainer } from '@agl/trainer'
import type { LightningStore, RunEvent } from '@agl/types'
import type { Settings } from './settings.ts'

export interface Experiment {
  readonly result: SftResult
  /** Holds every rollout, attempt, span and version of the resources of the run. */
  readonly store: LightningStore
  readonly testTasks: readonly ShopTask[]
  readonly seconds: number
}

export interface ExperimentOptions {
  readonly shuffleRewards: boolean
  readonly onProgress: (event: RunEvent) => void
  readonly signal?: AbortSignal
}

/** One run from the base model on: the whole of AGL in one process, put together from its packages. */
export async function runExperiment(
  settings: Settings,
  { shuffleRewards, onProgress, signal }: ExperimentOptions,
): Promise<Experiment> {
  const started = performance.now()
  const seeds = createRandom(settings.seed)
  const trainTasks = createTasks(seeds.seed(), settings.tasks * settings.iterations)
  const validationTasks = createTasks(seeds.seed(), 256)
  const testTasks = createTasks(settings.heldoutSeed, settings.heldout)

  const model = createEmbeddedModel({ checkpoint: await loadBaseModel() })
  const server = createModelServer({ model })
  const tracer = createOtelTracer()
  try {
    await model.start()
    const { url } = await server.start()
    const store = createMemoryStore()
    const trainer = createTrainer({
      algorithm: createSft<ShopTask>({
        backend: model,
        endpoint: url,
        testDataset: testTasks,
        iterations: settings.iterations,
        tasksPerIteration: settings.tasks,
        samplesPerTask: settings.samples,
        seed: seeds.seed(),
        shuffleRewards,
      }),
      onProgress,
      store,
      tracer,
      llmProxy: createLlmProxy(),
      runner: { concurrency: 64, attemptTimeoutMs: 60_000 },
    })
    const result = await trainer.fit(clerk, trainTasks, {
      valDataset: validationTasks,
      ...(signal === undefined ? {} : { signal }),
    })
    return { result, store, testTasks, seconds: (performance.now() - started) / 1000 }
  } finally {
    await tracer.close()
    await server.close()
    await model.close()
  }
}
