import { randomUUID } from 'node:crypto'
import type { Agent } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import {
  AglError,
  type Algorithm,
  childLogger,
  type Dataset,
  errorMessage,
  type LightningStore,
  parseOptions,
  parseOrThrow,
  type RunEvent,
  silentLogger,
} from '@agl/types'
import { z } from 'zod'
import type { AgentModule } from './agent-module.ts'
import { findCallSite } from './call-site.ts'
import { createComponents } from './components.ts'
import type { ComponentForm } from './config/component.ts'
import { algorithmKind, runnerKind, storeKind } from './config/components/kinds.ts'
import { requireFast } from './fast-algorithm.ts'
import { createLiveConcurrency } from './live-concurrency.ts'
import { makeParts, refuseMisplaced, withMaxRollouts } from './make-parts.ts'
import { type TrainerOptions, trainerDefaults, trainerOptionsSchema } from './options.ts'
import { isInstance } from './portable.ts'
import { type Run, runOnce } from './run-once.ts'
import { forgetful, openRecord } from './run-record.ts'
import { chooseStrategy, type LocalStrategyChoice } from './strategies/choose.ts'

export interface FitOptions<Task> {
  readonly valDataset?: Dataset<Task>
  /** Ends the run; `fit` then rejects with its reason. */
  readonly signal?: AbortSignal
}

export interface DevOptions<Task> extends FitOptions<Task> {
  /** A fast one for this run. Default: the trainer's, or `baseline` where it has none. */
  readonly algorithm?: ComponentForm<Algorithm<unknown, Task>>
}

export interface Trainer<Result, Task> extends AsyncDisposable {
  /**
   * Everything that happened: rollouts, attempts, spans, resources.
   * @throws AglError `conflict` for one that is named and not made yet, before `open`, `fit` or `dev`
   */
  readonly store: LightningStore
  /** The record of this run or the last in the store, as `agl export --run` takes it; null = there is none. */
  readonly runId: string | null
  /** How many steps the algorithm has completed in this run or the last, as it reported; a resumed run counts those before it. */
  readonly completedIterations: number
  /** How many rollouts each runner of this program takes at a time from now on, at least 1, also while they run, and in later runs. */
  setConcurrency(concurrency: number): void
  /** Makes what is not given as an instance, as the first run would; answers the store. */
  open(): Promise<LightningStore>
  /**
   * Runs the algorithm with runners for the agent beside it, where the strategy says; resolves to the algorithm's result, or
   * undefined where only runners ran here (`cs` with the role `runner`, or no algorithm). The algorithm's end stops the runners. When a
   * runner fails, or none is left, the algorithm is stopped and `fit` rejects with the reason: nobody waits for ever.
   */
  fit(agent: Agent<Task> | AgentModule, trainDataset: Dataset<Task>, options?: FitOptions<Task>): Promise<Result>
  /**
   * A dry run with a fast algorithm: shows that agent, store, tracer and gateway work together before anything long or dear begins.
   * Resolves to the result of that algorithm.
   */
  dev(agent: Agent<Task> | AgentModule, dataset: Dataset<Task>, options?: DevOptions<Task>): Promise<unknown>
  /** Ends what runs, and closes what the trainer has made; what it was given as an instance stays open. */
  close(): Promise<void>
}

const fitShape = {
  valDataset: z
    .custom<Dataset>((value) => typeof value === 'object' && value !== null && 'length' in value, { error: 'expected a dataset' })
    .optional(),
  signal: z.instanceof(AbortSignal).optional(),
}
const fitOptionsSchema = z.strictObject(fitShape)
const devOptionsSchema = z.strictObject({ ...fitShape, algorithm: z.unknown().optional() })

/** Puts algorithm, store, runners, tracer and gateway together. */
export function createTrainer<Result, Task = unknown>(
  options: TrainerOptions<Result, Task> & {
    readonly algorithm: ComponentForm<Algorithm<Result, Task>>
    readonly strategy?: LocalStrategyChoice
  },
): Trainer<Result, Task>
export function createTrainer<Result, Task = unknown>(options: TrainerOptions<Result, Task>): Trainer<Result | undefined, Task>
export function createTrainer<Result, Task = unknown>(options: TrainerOptions<Result, Task>): Trainer<Result | undefined, Task> {
  const resolved = parseOptions(
    trainerOptionsSchema,
    options,
    { ...trainerDefaults, logger: silentLogger },
    'options of createTrainer',
  )
  const { registry = null, runner = {}, metrics } = resolved
  const logger = childLogger(resolved.logger, 'trainer')
  refuseMisplaced(runner)
  if (isInstance(runnerKind, runner)) withMaxRollouts(runner, resolved.maxRollouts)
  const strategy = chooseStrategy(resolved.strategy ?? 'shm', { port: resolved.port, registry })
  const memoryStore = resolved.store === undefined ? createMemoryStore() : null
  const storeForm = memoryStore ?? resolved.store!
  const components = createComponents(registry, { logger, ...(metrics === undefined ? {} : { metrics }) })
  let store = isInstance(storeKind, storeForm) ? storeForm : null
  let completedIterations = 0
  let runId: string | null = null
  let running: Promise<unknown> | null = null
  let closing: Promise<void> | null = null
  const closed = new AbortController()
  const concurrency = createLiveConcurrency()

  const prepare = async () => {
    const parts = await makeParts({ ...resolved, store: storeForm, strategy }, components)
    store = parts.store
    return parts
  }

  /** One run, or one preparation of it, at a time. */
  async function alone<Value>(work: () => Promise<Value>): Promise<Value> {
    closed.signal.throwIfAborted()
    if (running !== null) {
      throw new AglError({
        code: 'conflict',
        message:
          'This trainer is fitting already, and two runs over one store would run each other’s tasks: wait, or make another trainer.',
      })
    }
    const working = work()
    running = working
    try {
      return await working
    } finally {
      running = null
    }
  }

  function report(event: RunEvent): void {
    if (event.type === 'metrics') completedIterations = Math.max(completedIterations, event.step + 1)
    try {
      resolved.onProgress?.(event)
    } catch (error) {
      logger.warn('What is told of the progress failed', { event: event.type, error: errorMessage(error) })
    }
  }

  interface Beginning extends Pick<Run<Task>, 'callee' | 'callSite' | 'agent' | 'trainDataset' | 'valDataset'> {
    readonly signal: AbortSignal | undefined
    /** Undefined: it is elsewhere. */
    readonly algorithm: ComponentForm<Algorithm<unknown, Task>> | undefined
  }

  async function begin({ signal, algorithm: form, ...run }: Beginning): Promise<unknown> {
    completedIterations = 0
    const parts = await prepare()
    const algorithm =
      form === undefined ? null : await components.make('algorithm', algorithmKind, form as ComponentForm<Algorithm>)
    if (run.callee === 'dev' && algorithm !== null) requireFast(algorithm)
    const ends = signal === undefined ? closed.signal : AbortSignal.any([signal, closed.signal])
    runId = run.callee === 'dev' || algorithm === null ? null : (resolved.runId ?? `run-${randomUUID()}`)
    const record =
      runId === null || algorithm === null
        ? forgetful()
        : await openRecord({
            store: parts.store,
            name: algorithm.name,
            runId,
            isNamed: resolved.runId !== undefined,
            logger: childLogger(logger, 'algorithm'),
          })
    const tell = (event: RunEvent): void => {
      record.report(event)
      report(event)
    }
    return await runOnce<Task>(
      { ...run, algorithm, signal: ends, state: resolved.state ?? record.state, report: tell, onEnd: record.end },
      { ...parts, options: { ...resolved, logger }, components, concurrency },
    )
  }

  async function fit(
    agent: Agent<Task> | AgentModule,
    trainDataset: Dataset<Task>,
    fitOptions: FitOptions<Task> = {},
  ): Promise<Result | undefined> {
    const callSite = findCallSite(fit)
    const { valDataset, signal } = parseOptions(fitOptionsSchema, fitOptions, { valDataset: [] }, 'options of fit')
    const { algorithm } = resolved
    const result = await alone(() => begin({ callee: 'fit', callSite, agent, trainDataset, valDataset, signal, algorithm }))
    return result as Result | undefined
  }

  async function dev(
    agent: Agent<Task> | AgentModule,
    dataset: Dataset<Task>,
    devOptions: DevOptions<Task> = {},
  ): Promise<unknown> {
    const callSite = findCallSite(dev)
    const given = parseOptions(devOptionsSchema, devOptions, { valDataset: [] }, 'options of dev')
    const { valDataset, signal, algorithm = resolved.algorithm ?? 'baseline' } = given
    return await alone(() => begin({ callee: 'dev', callSite, agent, trainDataset: dataset, valDataset, signal, algorithm }))
  }

  async function closeNow(): Promise<void> {
    closed.abort(new AglError({ code: 'closed', message: 'The trainer was closed.' }))
    await running?.catch(() => {})
    await components.close()
    await memoryStore?.close()
  }
  const close = (): Promise<void> => (closing ??= closeNow())

  return Object.freeze({
    get store() {
      if (store !== null) return store
      throw new AglError({
        code: 'conflict',
        message: 'The store of this trainer is named, and not made yet: take it from `await trainer.open()`, or after a fit.',
      })
    },
    get runId() {
      return runId
    },
    get completedIterations() {
      return completedIterations
    },
    setConcurrency: (value: number) => concurrency.set(parseOrThrow(z.int().min(1), value, 'the concurrency of runners')),
    open: async () => (await alone(prepare)).store,
    fit,
    dev,
    close,
    [Symbol.asyncDispose]: close,
  })
}
