import type { Agent, Runner } from '@agl/runner'
import type { JsonObject, LightningStore, Logger, Metrics } from '@agl/types'
import type { AgentModule } from './agent-module.ts'
import type { LiveConcurrency } from './live-concurrency.ts'
import type { ModuleExport } from './module-export.ts'
import type { PortablePart } from './portable.ts'

/** What one `fit` runs beside its runners. */
export interface AlgorithmSide<Result = unknown> {
  readonly name: string
  /** Whether `run` only waits, because an algorithm in another program uses the store: then the run is over, and well, when the runners have ended. */
  readonly isElsewhere: boolean
  /** Readies what runners find in the store (gateway, first resources). Once, before the first runner may claim. */
  start(): Promise<void>
  /** @param parts.signal aborted when the algorithm must end, because `fit` was aborted or no runner is left */
  run(parts: { readonly store: LightningStore; readonly signal: AbortSignal }): Promise<Result>
}

/** A runner as data, for another process. */
export interface RunnerDescription {
  readonly agent: ModuleExport
  /** Null: emitted rewards only. */
  readonly tracer: PortablePart | null
  readonly hooks: readonly PortablePart[]
  readonly scorers: readonly PortablePart[]
  /** The options of `createRunner`, as far as they are data. */
  readonly settings: JsonObject
}

/** What a strategy is given for one `fit`. */
export interface ExecutionParts<Result = unknown> {
  readonly algorithm: AlgorithmSide<Result>
  readonly agent: Agent | AgentModule
  /** The trainer's; opened and closed by others. */
  readonly store: LightningStore
  /** A runner in this process. @param store default: the trainer's */
  makeRunner(parts?: { readonly store?: LightningStore }): Promise<Runner>
  /**
   * The runner for other processes, checked as far as that can be done here.
   * @throws AglError `invalid_argument`, with what to write instead, when something of it lives in this process only
   */
  describeRunner(): Promise<RunnerDescription>
  readonly nRunners: number
  /** What runners of other processes are to be told; those of `makeRunner` hear of it by themselves. */
  readonly concurrency: LiveConcurrency
  readonly signal: AbortSignal
  /** How long the algorithm has to end once its signal is aborted, in milliseconds. */
  readonly abortGraceMs: number
  readonly logger: Logger
  /** What runners count, wherever they are, and what the strategy does; null = nobody asks. */
  readonly metrics: Metrics | null
}

/**
 * Where the algorithm and the runners of a `fit` run. The rules that all keep, and that `describeStrategyContract` of
 * `@agl/trainer/conformance` checks: the algorithm's end stops the runners; a runner that cannot go on, or none left, ends the
 * algorithm with `no_runners`; when `execute` settles, nothing that it started is left.
 */
export interface ExecutionStrategy {
  readonly name: string
  /** Settles as the algorithm does; undefined where it runs elsewhere and only runners ran here. */
  execute<Result>(parts: ExecutionParts<Result>): Promise<Result | undefined>
}
