import { type Agent, missingResources } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import {
  AglError,
  childLogger,
  type Dataset,
  errorMessage,
  type JsonValue,
  type LightningStore,
  parseOptions,
  type RunEvent,
  type RunState,
  silentLogger,
} from '@agl/types'
import { z } from 'zod'
import { type AgentModule, isAgentModule } from './agent-module.ts'
import { type CallSite, findCallSite } from './call-site.ts'
import { loadDefaultAdapter } from './default-adapter.ts'
import { describeRunners } from './describe-runners.ts'
import { type TrainerOptions, trainerDefaults, trainerOptionsSchema } from './options.ts'
import { chooseStrategy, type LocalStrategyChoice } from './strategies/choose.ts'
import type { AlgorithmSide } from './strategy.ts'

export interface FitOptions<Task> {
  readonly valDataset?: Dataset<Task>
  /** Ends the run; `fit` then rejects with its reason. */
  readonly signal?: AbortSignal
}

export interface Trainer<Result, Task> {
  /** Everything that happened: rollouts, attempts, spans, resources. */
  readonly store: LightningStore
  /**
   * Runs the algorithm with runners for the agent beside it, where the strategy says; resolves to the algorithm's result, or
   * undefined where only runners ran here (`cs` with the role `runner`). The algorithm's end stops the runners. When a runner
   * fails, or none is left, the algorithm is stopped and `fit` rejects with the reason: nobody waits for ever.
   */
  fit(agent: Agent<Task> | AgentModule, trainDataset: Dataset<Task>, options?: FitOptions<Task>): Promise<Result>
}

const fitOptionsSchema = z.strictObject({
  valDataset: z
    .custom<Dataset>((value) => typeof value === 'object' && value !== null && 'length' in value, { error: 'expected a dataset' })
    .optional(),
  signal: z.instanceof(AbortSignal).optional(),
})

/** Puts algorithm, store, runners, tracer and gateway together. */
export function createTrainer<Result, Task = unknown>(
  options: TrainerOptions<Result, Task> & { readonly strategy?: LocalStrategyChoice },
): Trainer<Result, Task>
export function createTrainer<Result, Task = unknown>(options: TrainerOptions<Result, Task>): Trainer<Result | undefined, Task>
export function createTrainer<Result, Task = unknown>(options: TrainerOptions<Result, Task>): Trainer<Result | undefined, Task> {
  const resolved = parseOptions(
    trainerOptionsSchema,
    options,
    { ...trainerDefaults, logger: silentLogger },
    'options of createTrainer',
  )
  const { algorithm, llmProxy = null, initialResources = {}, runner: settings = {}, tracer = null, metrics = null } = resolved
  const logger = childLogger(resolved.logger, 'trainer')
  const algorithmLogger = childLogger(logger, 'algorithm')
  const strategy = chooseStrategy(resolved.strategy ?? 'shm')
  const store = resolved.store ?? createMemoryStore()
  let isFitting = false

  async function fit(
    agent: Agent<Task> | AgentModule,
    trainDataset: Dataset<Task>,
    fitOptions: FitOptions<Task> = {},
  ): Promise<Result | undefined> {
    const callSite = findCallSite(fit)
    if (isFitting) {
      throw new AglError({
        code: 'conflict',
        message:
          'This trainer is fitting already, and two runs over one store would run each other’s tasks: wait, or make another trainer.',
      })
    }
    isFitting = true
    try {
      return await fitOnce(agent, trainDataset, fitOptions, callSite)
    } finally {
      isFitting = false
    }
  }

  async function fitOnce(
    agent: Agent<Task> | AgentModule,
    trainDataset: Dataset<Task>,
    fitOptions: FitOptions<Task>,
    callSite: CallSite | null,
  ): Promise<Result | undefined> {
    const { valDataset, signal } = parseOptions(fitOptionsSchema, fitOptions, { valDataset: [] }, 'options of fit')
    const state = resolved.state ?? createMemoryState()
    const adapter = resolved.adapter ?? (await loadDefaultAdapter())
    if (!isAgentModule(agent)) noteMissing(agent)
    let isProxyStarted = false
    const algorithmSide: AlgorithmSide<Result> = {
      name: algorithm.name,
      async start() {
        isProxyStarted = true
        await llmProxy?.start({ sink: store })
        if (Object.keys(initialResources).length > 0) await store.addResources({ resources: initialResources })
      },
      run: (parts) =>
        algorithm.run({
          ...parts,
          adapter,
          llmProxy,
          trainDataset,
          valDataset,
          initialResources,
          state,
          report,
          logger: algorithmLogger,
        }),
    }
    try {
      return await strategy.execute({
        algorithm: algorithmSide,
        agent: agent as Agent | AgentModule,
        store,
        ...describeRunners(agent, { settings, tracer, store, logger, metrics, strategy: strategy.name, callSite }),
        nRunners: resolved.nRunners,
        signal: signal ?? new AbortController().signal,
        abortGraceMs: resolved.abortGraceMs,
        logger: childLogger(logger, 'strategy'),
        metrics,
      })
    } finally {
      // The run has its outcome; a gateway that does not close well is told to the log only.
      if (isProxyStarted) {
        await llmProxy
          ?.close()
          .catch((error: unknown) => logger.error('The gateway did not close', { error: errorMessage(error) }))
      }
    }
  }

  function report(event: RunEvent): void {
    try {
      resolved.onProgress?.(event)
    } catch (error) {
      logger.warn('What is told of the progress failed', { event: event.type, error: errorMessage(error) })
    }
  }

  /** The algorithm may bring it, as SFT does its model; if it does not, every rollout will say so. */
  function noteMissing(agent: Agent<Task>): void {
    for (const kind of missingResources(agent, initialResources)) {
      logger.info(
        `The agent needs a resource of type "${kind}", which is not among the initial resources: the algorithm has to bring it`,
      )
    }
  }

  return Object.freeze({ store, fit })
}

function createMemoryState(): RunState {
  const values = new Map<string, JsonValue>()
  return {
    load: async (key) => values.get(key),
    save: async (key, value) => void values.set(key, structuredClone(value)),
  }
}
