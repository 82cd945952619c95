import { type Agent, createRunner } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import {
  AglError,
  type AlgorithmContext,
  type Dataset,
  errorMessage,
  type LightningStore,
  parseOptions,
  silentLogger,
} from '@agl/types'
import { loadDefaultAdapter } from './default-adapter.ts'
import { type TrainerOptions, trainerDefaults, trainerOptionsSchema } from './options.ts'

export interface FitOptions<Task> {
  readonly valDataset?: Dataset<Task>
  /** Ends the run; `fit` then rejects with its reason. */
  readonly signal?: AbortSignal
}

export interface Trainer<Result, Task> {
  /** Everything that happened: rollouts, attempts, spans, resources. */
  readonly store: LightningStore
  /**
   * Runs the algorithm with runners for the agent beside it, in this process; resolves to the algorithm's result. The
   * algorithm's end stops the runners. When a runner fails, or none is left, the algorithm is stopped and `fit` rejects
   * with the reason: nobody waits for ever.
   */
  fit(agent: Agent<Task>, trainDataset: Dataset<Task>, options?: FitOptions<Task>): Promise<Result>
}

/** Puts algorithm, store, runners, tracer and gateway together. */
export function createTrainer<Result, Task = unknown>(options: TrainerOptions<Result, Task>): Trainer<Result, Task> {
  const resolved = parseOptions(
    trainerOptionsSchema,
    options,
    { ...trainerDefaults, logger: silentLogger },
    'options of createTrainer',
  )
  const { algorithm, llmProxy = null, logger, initialResources = {} } = resolved
  const store = resolved.store ?? createMemoryStore()

  async function fit(
    agent: Agent<Task>,
    trainDataset: Dataset<Task>,
    { valDataset = [], signal }: FitOptions<Task> = {},
  ): Promise<Result> {
    const stopRunners = new AbortController()
    const stopAlgorithm = new AbortController()
    const runners = createRunners(agent)
    const context: AlgorithmContext<Task> = {
      store,
      adapter: resolved.adapter ?? (await loadDefaultAdapter()),
      llmProxy,
      trainDataset,
      valDataset,
      initialResources,
      signal: AbortSignal.any([stopAlgorithm.signal, ...(signal === undefined ? [] : [signal])]),
      logger,
    }
    context.signal.throwIfAborted()
    await llmProxy?.start({ sink: store })
    let running: Promise<unknown> = Promise.resolve()
    try {
      if (Object.keys(initialResources).length > 0) await store.addResources({ resources: initialResources })
      running = Promise.all(runners.map((runner) => runner.run({ signal: stopRunners.signal }))).then(
        () => stopAlgorithm.abort(noRunners('Every runner ended')),
        (error: unknown) => stopAlgorithm.abort(noRunners(`A runner failed: ${errorMessage(error)}`, error)),
      )
      return await untilAborted(algorithm.run(context), context.signal, resolved.abortGraceMs)
    } catch (error) {
      logger.error('The run failed', { algorithm: algorithm.name, error: errorMessage(error) })
      throw error
    } finally {
      stopRunners.abort(new AglError({ code: 'closed', message: 'The run is over.' }))
      await running
      await llmProxy?.close()
    }
  }

  function createRunners(agent: Agent<Task>): ReturnType<typeof createRunner>[] {
    const { tracer, runner: settings } = resolved
    return Array.from({ length: resolved.nRunners }, () =>
      createRunner<Task>({ ...settings, agent, store, logger, ...(tracer === undefined ? {} : { tracer }) }),
    )
  }

  return Object.freeze({ store, fit })
}

function noRunners(what: string, cause?: unknown): AglError {
  return new AglError({
    code: 'no_runners',
    message: `${what} while the algorithm was still at work, so its rollouts cannot finish.`,
    cause,
  })
}

/**
 * Settles as the algorithm does. Once the signal is aborted the algorithm has `graceMs` to end; after that, and whatever
 * error it ends with, the reason of the abort is what counts.
 */
async function untilAborted<Result>(run: Promise<Result>, signal: AbortSignal, graceMs: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  let startTimer = (): void => {}
  const graceOver = new Promise<never>((_resolve, reject) => {
    startTimer = () => {
      timer = setTimeout(() => reject(signal.reason as Error), graceMs)
    }
  })
  if (signal.aborted) startTimer()
  else signal.addEventListener('abort', startTimer, { once: true })
  try {
    return await Promise.race([run, graceOver])
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', startTimer)
  }
}
