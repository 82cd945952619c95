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
import { z } from 'zod'
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

const fitOptionsSchema = z.strictObject({
  valDataset: z
    .custom<Dataset>((value) => typeof value === 'object' && value !== null && 'length' in value, { error: 'expected a dataset' })
    .optional(),
  signal: z.instanceof(AbortSignal).optional(),
})

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
  let isFitting = false

  async function fit(agent: Agent<Task>, trainDataset: Dataset<Task>, fitOptions: FitOptions<Task> = {}): Promise<Result> {
    if (isFitting) {
      throw new AglError({
        code: 'conflict',
        message:
          'This trainer is fitting already, and two runs over one store would run each other’s tasks: wait, or make another trainer.',
      })
    }
    isFitting = true
    try {
      return await fitOnce(agent, trainDataset, fitOptions)
    } finally {
      isFitting = false
    }
  }

  async function fitOnce(agent: Agent<Task>, trainDataset: Dataset<Task>, fitOptions: FitOptions<Task>): Promise<Result> {
    const { valDataset, signal } = parseOptions(fitOptionsSchema, fitOptions, { valDataset: [] }, 'options of fit')
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
    let isOver = false
    const stop = (reason: AglError): void => {
      if (!isOver) stopAlgorithm.abort(reason)
    }
    let running: Promise<unknown> = Promise.resolve()
    try {
      await llmProxy?.start({ sink: store })
      if (Object.keys(initialResources).length > 0) await store.addResources({ resources: initialResources })
      running = Promise.all(runners.map((runner) => runner.run({ signal: stopRunners.signal }))).then(
        () => stop(noRunners('Every runner ended')),
        (error: unknown) => stop(noRunners(`A runner failed: ${errorMessage(error)}`, error)),
      )
      return await untilAborted(algorithm.run(context), context.signal, resolved.abortGraceMs)
    } catch (error) {
      logger.error('The run failed', { algorithm: algorithm.name, error: errorMessage(error) })
      throw error
    } finally {
      isOver = true
      stopRunners.abort(new AglError({ code: 'closed', message: 'The run is over.' }))
      await running
      // The run has its outcome; a gateway that does not close well is told to the log only.
      await llmProxy?.close().catch((error: unknown) => logger.error('The gateway did not close', { error: errorMessage(error) }))
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
 * Settles as the algorithm does. Once the signal is aborted the algorithm has `graceMs` to end; whatever it ends with then, the
 * reason of the abort is what counts.
 */
async function untilAborted<Result>(run: Promise<Result>, signal: AbortSignal, graceMs: number): Promise<Result> {
  const done = new AbortController()
  const graceOver = new Promise<never>((_resolve, reject) => {
    const startTimer = (): void => {
      const timer = setTimeout(() => reject(signal.reason as Error), graceMs)
      done.signal.addEventListener('abort', () => clearTimeout(timer))
    }
    if (signal.aborted) startTimer()
    else signal.addEventListener('abort', startTimer, { once: true, signal: done.signal })
  })
  try {
    const result = await Promise.race([run, graceOver])
    signal.throwIfAborted()
    return result
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    done.abort()
  }
}
