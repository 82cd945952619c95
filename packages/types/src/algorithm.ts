import type { JsonValue } from './json.ts'
import type { LlmProxy } from './llm-proxy.ts'
import type { Logger } from './logger.ts'
import type { NamedResources } from './resources.ts'
import type { Span } from './span.ts'
import type { LightningStore } from './store.ts'

/** Tasks: anything with a length and access by index. */
export type Dataset<Task = unknown> = ArrayLike<Task>

/** One model call as training data. */
export interface Triplet {
  readonly prompt: { readonly tokenIds: readonly number[]; readonly rawContent: unknown; readonly imageUrls: readonly string[] }
  readonly response: {
    readonly tokenIds: readonly number[]
    readonly rawContent: unknown
    /** Log-probability of each response token, where the backend gave them. */
    readonly logprobs?: readonly number[]
  }
  readonly reward: number | null
  readonly metadata: Readonly<Record<string, unknown>>
}

/** Turns the spans of one attempt into training data. */
export interface Adapter<Output = unknown> {
  adapt(spans: readonly Span[]): Output | Promise<Output>
}

/** What a run has used up, or may: each is counted from its beginning. */
export interface Spend {
  readonly rollouts: number
  /** Calls of models: the algorithm's own, and those that rollouts have recorded. */
  readonly modelCalls: number
  /** Prompt and completion tokens of those calls, as far as their backends say. */
  readonly tokens: number
  /** Money for those calls, in US dollars. */
  readonly usd: number
  readonly minutes: number
}

/** How far a run is, in terms that all algorithms share: what shows it (a terminal, a page) need not know the algorithm. */
export type RunEvent =
  /** Before anything is spent: the most that it may spend, and on what, a line each. */
  | { readonly type: 'plan'; readonly limits: Partial<Spend>; readonly lines: readonly string[] }
  /** A part of a step goes on: `done` of `total` pieces of work. `reward` is the mean so far; null = not known. */
  | {
      readonly type: 'phase'
      /** For people: `baseline`, `validation`, `critique`. */
      readonly phase: string
      readonly step: number
      readonly done: number
      readonly total: number
      readonly reward: number | null
    }
  /** A step is complete, counted from 0, with what was measured; kept in the store, where they are plotted against the step. */
  | { readonly type: 'metrics'; readonly step: number; readonly metrics: Readonly<Record<string, number>> }
  | { readonly type: 'spent'; readonly spend: Spend }
  /** A line for people. */
  | { readonly type: 'note'; readonly text: string }

/** Where a run keeps what it must not lose or pay for twice. */
export interface RunState {
  /** What was saved last under the key; undefined = nothing. */
  load(key: string): Promise<JsonValue | undefined>
  /** Once it resolves, the value survives the process, as far as what it is kept in does. */
  save(key: string, value: JsonValue): Promise<void>
}

/** What an algorithm is given. */
export interface AlgorithmContext<Task = unknown, Adapted = readonly Triplet[]> {
  readonly store: LightningStore
  readonly adapter: Adapter<Adapted>
  /** Null when the trainer has none. */
  readonly llmProxy: LlmProxy | null
  readonly trainDataset: Dataset<Task>
  readonly valDataset: Dataset<Task>
  readonly initialResources: NamedResources
  /** Aborted when the run must stop: on request, or because no runner is left. */
  readonly signal: AbortSignal
  readonly logger: Logger
  /** Empty at the first run; what an earlier process left, where the run is resumed. */
  readonly state: RunState
  /** Tells how far the run is. Never throws, and never makes the run wait. */
  report(event: RunEvent): void
}

/** Decides what to run next and how to change the resources. Its end ends the run. */
export interface Algorithm<Result = unknown, Task = unknown> {
  readonly name: string
  /** Ends soon and trains nothing, so that `trainer.dev`, the dry run, takes it. Default false. */
  readonly isFast?: boolean
  /**
   * The kinds of resources (`llm`, `prompt_template`, `custom:…`) that its rollouts get from it, beside the initial ones. What an agent
   * needs and nobody has is then refused before the run begins. Default: unknown, and only told to the log.
   */
  readonly brings?: readonly string[]
  run(context: AlgorithmContext<Task>): Promise<Result>
}
