/**
 * What turns a dataset into a better model and serves it. The four calls `forwardBackward`, `optimStep`, `sample` and
 * `saveState` follow the Tinker protocol (tinker-docs.thinkingmachines.ai), so that a hosted service can take the place
 * of the embedded model.
 */

/** One sequence to learn from. Lists are aligned: entry i is about predicting `tokens[i]` from what precedes it; entry 0 is never used. */
export interface TrainingDatum {
  readonly tokens: readonly number[]
  /** `cross_entropy`: weight of each token's negative log-probability; 0 = context only. */
  readonly weights?: readonly number[]
  /** `importance_sampling` and `ppo`: advantage of each token; 0 = context only. */
  readonly advantages?: readonly number[]
  /** `importance_sampling` and `ppo`: log-probability of each token under the policy that sampled it. */
  readonly logprobs?: readonly number[]
}

/**
 * With `p` the probability under the weights in training and `q` the one under the sampling policy, summed over tokens:
 * `cross_entropy` = −w·ln p; `importance_sampling` = −(p/q)·A; `ppo` = −min((p/q)·A, clip(p/q, 1−low, 1+high)·A).
 */
export type LossFunction = 'cross_entropy' | 'importance_sampling' | 'ppo'

export interface ForwardBackwardRequest {
  readonly data: readonly TrainingDatum[]
  readonly loss: LossFunction
  /** `ppo` only. Default 0.2. */
  readonly clipLow?: number
  /** `ppo` only. Default 0.2. */
  readonly clipHigh?: number
}

export interface ForwardBackwardResult {
  /** Sum (not mean) over tokens. */
  readonly loss: number
  /** Tokens with a weight or advantage other than 0. */
  readonly tokens: number
  /** Per datum, the log-probability of each token; entry 0 is 0. */
  readonly logprobs: readonly (readonly number[])[]
}

/** One step of Adam. */
export interface OptimStepRequest {
  readonly learningRate: number
  /** Default 0.9. */
  readonly beta1?: number
  /** Default 0.95. */
  readonly beta2?: number
  /** Default 1e-8. */
  readonly epsilon?: number
  /** Decoupled weight decay. Default 0. */
  readonly weightDecay?: number
  /** The gradient is scaled down to this global norm; null = never. Default 1. */
  readonly maxGradientNorm?: number | null
  /** Forget Adam's moments before the step. Default false. */
  readonly resetMoments?: boolean
}

export interface OptimStepResult {
  /** Steps since the moments were last forgotten. */
  readonly step: number
  /** Before clipping. */
  readonly gradientNorm: number
}

export interface SampleRequest {
  readonly prompt: readonly number[]
  /** A saved version. Default: the one saved last. */
  readonly version?: string
  /** Completions of the same prompt. Default 1. */
  readonly count?: number
  /** At least 1. */
  readonly maxTokens: number
  /** 0 = always the likeliest token. Default 1. */
  readonly temperature?: number
  /** Texts that end the completion; they are not part of it. */
  readonly stop?: readonly string[]
  /** The same prompt, version, options and seed give the same completions, however calls are batched. Default: random. */
  readonly seed?: number
}

/** One completion. */
export interface Sample {
  /** As sampled, the end-of-message token included. */
  readonly tokens: readonly number[]
  /** Of each token, under the distribution it was drawn from (temperature applied; the model's own at temperature 0). */
  readonly logprobs: readonly number[]
  readonly text: string
  readonly finishReason: 'stop' | 'length'
}

export interface SampleResult {
  readonly version: string
  /** `count` of them. */
  readonly samples: readonly Sample[]
}

export interface ModelDescription {
  readonly name: string
  /** Longest sequence, prompt and completion together, in tokens. */
  readonly contextLength: number
  readonly vocabularySize: number
  readonly parameters: number
  /** Saved versions, oldest first. */
  readonly versions: readonly string[]
}

/** Options of every call that may take long. */
export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface TrainingBackend {
  describe(): Promise<ModelDescription>
  /** Adds to the gradients; nothing is added when the request is refused (`invalid_argument` names the datum). */
  forwardBackward(request: ForwardBackwardRequest, options?: CallOptions): Promise<ForwardBackwardResult>
  /** Uses the gradients and clears them. */
  optimStep(request: OptimStepRequest, options?: CallOptions): Promise<OptimStepResult>
  sample(request: SampleRequest, options?: CallOptions): Promise<SampleResult>
  /** Freezes the weights in training as a version, which can be sampled from and is served as `model`. */
  saveState(
    request: { readonly version: string },
    options?: CallOptions,
  ): Promise<{ readonly version: string; readonly model: string }>
  /** Puts the weights in training back to a saved version and forgets gradients and moments. */
  loadState(request: { readonly version: string }, options?: CallOptions): Promise<void>
}
