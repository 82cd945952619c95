import type { RunnerOptions } from '@agl/runner'
import {
  type Adapter,
  type Algorithm,
  implementing,
  type LightningStore,
  type LlmProxy,
  type Logger,
  type Metrics,
  type NamedResources,
  namedResourcesSchema,
  type RunEvent,
  type RunState,
  type Triplet,
} from '@agl/types'
import { z } from 'zod'
import type { StrategyChoice } from './strategies/choose.ts'
import { isModuleExport, type TracerChoice } from './tracer-module.ts'

/** What may be set for the runners; the trainer gives them the rest. */
export type RunnerSettings = Omit<RunnerOptions, 'agent' | 'store' | 'tracer' | 'logger' | 'metrics' | 'workerId'>

export interface TrainerOptions<Result = unknown, Task = unknown> {
  readonly algorithm: Algorithm<Result, Task>
  /** Default: a new memory store, found as `trainer.store`. The trainer never closes a store. */
  readonly store?: LightningStore
  /**
   * Default: records emitted rewards only. `createOtelTracer()` of `@agl/tracer-otel` records every step; runners in other processes
   * make their own: `{ module: '@agl/tracer-otel', export: 'createOtelTracer' }`.
   */
  readonly tracer?: TracerChoice
  /**
   * Where the runners are: in this process (`shm`, the default), in child processes (`ipc`), or on any machine (`cs`); with options
   * as `{ type: 'ipc', maxRestarts: 1 }`; or a strategy of your own.
   */
  readonly strategy?: StrategyChoice
  /** Default: `traceToTriplets()` of `@agl/algorithms`. */
  readonly adapter?: Adapter<readonly Triplet[]>
  /** Started for each `fit` and closed after it. */
  readonly llmProxy?: LlmProxy
  /** At least 1; each runs `runner.concurrency` rollouts at a time. */
  readonly nRunners?: number
  readonly runner?: RunnerSettings
  /** Stored as the first snapshot, so that rollouts without resources of their own get it, and handed to the algorithm. */
  readonly initialResources?: NamedResources
  /** How long an algorithm has to end by itself once its signal is aborted, in milliseconds; at least 0. */
  readonly abortGraceMs?: number
  /** What the algorithm keeps for a later process that goes on with the run. Default: nothing outlives this process. */
  readonly state?: RunState
  /** Told how far the algorithm is. What it throws is reported to the logger. */
  readonly onProgress?: (event: RunEvent) => void
  readonly logger?: Logger
  /** What runners count, also those in child processes; `cs` serves it with the store. Default: nothing is counted. */
  readonly metrics?: Metrics
}

/** The defaults of {@link TrainerOptions}. */
export const trainerDefaults: Readonly<{ nRunners: number; abortGraceMs: number }> = Object.freeze({
  nRunners: 1,
  abortGraceMs: 5_000,
})

export const trainerOptionsSchema: z.ZodType = z.strictObject({
  algorithm: implementing<Algorithm>('an algorithm: wrap your function, as in algo("name", async (context) => result)', 'run'),
  store: implementing<LightningStore>('a store', 'dequeueRollout', 'enqueueManyRollouts').optional(),
  tracer: z
    .custom((value) => isModuleExport(value) || (typeof value === 'object' && value !== null && 'trace' in value), {
      error: 'expected a tracer, or where one comes from: { module, export, options? }',
    })
    .optional(),
  // Read by itself, with errors of its own.
  strategy: z.unknown().optional(),
  adapter: implementing<Adapter>('an adapter', 'adapt').optional(),
  llmProxy: implementing<LlmProxy>('a gateway', 'start', 'putModels', 'asResource', 'close').optional(),
  nRunners: z.int().min(1).optional(),
  // The runner checks its own settings.
  runner: z.record(z.string(), z.unknown()).optional(),
  initialResources: namedResourcesSchema.optional(),
  abortGraceMs: z.number().min(0).optional(),
  state: implementing<RunState>('the state of a run', 'load', 'save').optional(),
  onProgress: z
    .custom<(event: RunEvent) => void>((value) => typeof value === 'function', { error: 'expected a function' })
    .optional(),
  logger: implementing<Logger>('a logger', 'info', 'error').optional(),
  metrics: implementing<Metrics>('metrics', 'counter', 'gauge', 'histogram', 'age').optional(),
})
