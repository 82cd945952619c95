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
}

/** Decides what to run next and how to change the resources. Its end ends the run. */
export interface Algorithm<Result = unknown, Task = unknown> {
  readonly name: string
  run(context: AlgorithmContext<Task>): Promise<Result>
}
