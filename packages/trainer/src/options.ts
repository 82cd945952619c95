import type { Hooks, RunnerOptions, Scorer } from '@agl/runner'
import {
  type Adapter,
  type Algorithm,
  implementing,
  isPlainObject,
  type LightningStore,
  type LlmProxy,
  type Logger,
  type Metrics,
  type NamedResources,
  namedResourcesSchema,
  type RunEvent,
  type RunState,
  type Tracer,
  type Triplet,
} from '@agl/types'
import { z } from 'zod'
import type { ComponentForm, ComponentKind } from './config/component.ts'
import {
  adapterKind,
  algorithmKind,
  hooksKind,
  llmProxyKind,
  runnerKind,
  scorerKind,
  storeKind,
  tracerKind,
} from './config/components/kinds.ts'
import type { Registry } from './config/registry.ts'
import { isModuleExport } from './module-export.ts'
import { isInstance, type RunnerPart } from './portable.ts'
import type { StrategyChoice } from './strategies/choose.ts'

/** What may be set for the runners; the trainer gives them the rest. */
export type RunnerSettings = Omit<
  RunnerOptions,
  'agent' | 'store' | 'tracer' | 'hooks' | 'scorers' | 'logger' | 'metrics' | 'workerId'
>

/**
 * A component is an instance, a function that makes one, a name of the registry, `{ type: name, ...options }`, or what a module
 * exports, `./file.ts#export`. What is no instance is made by the first `fit`, `dev` or `open`, and closed by `close`.
 */
export interface TrainerOptions<Result = unknown, Task = unknown> {
  /** Default: none; the runners then serve an algorithm elsewhere, until they end or `fit` is aborted. */
  readonly algorithm?: ComponentForm<Algorithm<Result, Task>>
  /** Default: a new memory store. */
  readonly store?: ComponentForm<LightningStore>
  /**
   * Default: records emitted rewards only. `otel` records every step (`@agl/tracer-otel`). Runners in other processes make their own, so
   * for these it is a name, a module path or `{ module: '@agl/tracer-otel', export: 'createOtelTracer' }`; the same for hooks and scorers.
   */
  readonly tracer?: RunnerPart<Tracer>
  /** Called around each rollout; one, or a list. */
  readonly hooks?: RunnerPart<Hooks> | readonly RunnerPart<Hooks>[]
  /** Judge what the agent has left, out of its reach; one, or a list. */
  readonly scorers?: RunnerPart<Scorer<Task>> | readonly RunnerPart<Scorer<Task>>[]
  /**
   * Where the runners are: in this process (`shm`, the default), in child processes (`ipc`), or on any machine (`cs`); with options
   * as `{ type: 'ipc', maxRestarts: 1 }`; or a strategy of your own.
   */
  readonly strategy?: StrategyChoice
  /** The port of the server of `cs`. */
  readonly port?: number
  /** Default: `traceToTriplets()` of `@agl/algorithms`. */
  readonly adapter?: ComponentForm<Adapter<readonly Triplet[]>>
  /** Started for each `fit` and closed after it. */
  readonly llmProxy?: ComponentForm<LlmProxy>
  /** At least 1; each runs `runner.concurrency` rollouts at a time. */
  readonly nRunners?: number
  /** Each runner ends after so many; at least 1. Default: `runner.maxRollouts`, else never. */
  readonly maxRollouts?: number
  readonly runner?: ComponentForm<RunnerSettings>
  /**
   * Stored as the first snapshot, so that rollouts without resources of their own get it, and handed to the algorithm. A path: a file
   * of JSON or YAML, read by the first `fit`; one with `${NAME}` in it is for `readResources`.
   */
  readonly initialResources?: NamedResources | string
  /** What names of components mean; plugins add theirs with `defaultRegistry.with(…)`. Default: `defaultRegistry` of `@agl/trainer/config`. */
  readonly registry?: Registry
  /** How long an algorithm has to end by itself once its signal is aborted, in milliseconds; at least 0. */
  readonly abortGraceMs?: number
  /**
   * Names the run: one that the store has under this id is gone on with, as after a crash. It is kept in the store, so for that the store
   * has to outlive the process. Default: a new id.
   */
  readonly runId?: string
  /** Where the algorithm keeps what it has paid for, if not in the record of the run in the store: `createFileState(file)`. */
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

interface FormRules {
  /** What else is taken. */
  readonly isMore?: (value: unknown) => boolean
  /** Whether a list of them is taken as well. */
  readonly isList?: boolean
}

function formOf(kind: ComponentKind<unknown>, { isMore = () => false, isList = false }: FormRules = {}): z.ZodType {
  const isForm = (value: unknown): boolean =>
    isInstance(kind, value) ||
    typeof value === 'function' ||
    (typeof value === 'string' && value !== '') ||
    (isPlainObject(value) && typeof value['type'] === 'string') ||
    isMore(value)
  const expected = kind.instance.safeParse(undefined).error!.issues[0]!.message
  return z.custom((value) => (isList && Array.isArray(value) ? value.every(isForm) : isForm(value)), {
    error: `${expected}, a function that makes one, a name, { type, ...options } or "./file.ts#export"${isList ? ', or a list of such' : ''}`,
  })
}

const runnerPart: FormRules = { isMore: isModuleExport, isList: true }

const resourcesSchema = z.unknown().superRefine((value, context) => {
  if (typeof value === 'string' && value !== '') return
  const issues = namedResourcesSchema.safeParse(value).error?.issues ?? []
  context.issues.push(...issues.map((issue) => ({ ...issue, input: value }) as z.core.$ZodRawIssue))
})

export const trainerOptionsSchema: z.ZodType = z.strictObject({
  algorithm: formOf(algorithmKind).optional(),
  store: formOf(storeKind).optional(),
  tracer: formOf(tracerKind, { isMore: isModuleExport }).optional(),
  hooks: formOf(hooksKind, runnerPart).optional(),
  scorers: formOf(scorerKind, runnerPart).optional(),
  // Read by itself, with errors of its own.
  strategy: z.unknown().optional(),
  port: z.int().min(0).max(65_535).optional(),
  adapter: formOf(adapterKind).optional(),
  llmProxy: formOf(llmProxyKind).optional(),
  nRunners: z.int().min(1).optional(),
  maxRollouts: z.int().min(1).optional(),
  // The runner checks its own settings.
  runner: formOf(runnerKind).optional(),
  initialResources: resourcesSchema.optional(),
  registry: z.custom<Registry>((value) => isPlainObject(value) && 'find' in value, { error: 'expected a registry' }).optional(),
  abortGraceMs: z.number().min(0).optional(),
  runId: z.string().min(1).optional(),
  state: implementing<RunState>('the state of a run', 'load', 'save').optional(),
  onProgress: z
    .custom<(event: RunEvent) => void>((value) => typeof value === 'function', { error: 'expected a function' })
    .optional(),
  logger: implementing<Logger>('a logger', 'info', 'error').optional(),
  metrics: implementing<Metrics>('metrics', 'counter', 'gauge', 'histogram', 'age').optional(),
})
