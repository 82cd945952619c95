import type { ForwardBackwardResult, OptimStepResult, TrainingDatum } from '@agl/types'
import type { Architecture } from './transformer/architecture.ts'
import type { OptimStep } from './transformer/learner.ts'
import type { Loss } from './transformer/loss.ts'
import type { NetworkLimits } from './transformer/network.ts'
import type { GenerationRequest, SampledToken, SamplerVocabulary } from './transformer/sampler.ts'

/** What crosses between the model and its worker thread. Requests are checked and complete before they are sent. */
export interface EngineCalls {
  readonly forwardBackward: {
    readonly request: { readonly data: readonly TrainingDatum[]; readonly loss: Loss }
    readonly result: ForwardBackwardResult
  }
  readonly optimStep: { readonly request: OptimStep; readonly result: OptimStepResult }
  readonly sample: { readonly request: VersionedGeneration; readonly result: FinishedGeneration }
  readonly saveState: { readonly request: VersionName; readonly result: null }
  readonly loadState: { readonly request: VersionName; readonly result: null }
  readonly deleteState: { readonly request: VersionName; readonly result: null }
  readonly exportState: { readonly request: VersionName; readonly result: Float32Array }
}

export interface VersionName {
  readonly version: string
}

export interface VersionedGeneration extends GenerationRequest, VersionName {
  /** Whether each token is reported as it is sampled. */
  readonly stream: boolean
}

export interface FinishedGeneration {
  readonly tokens: readonly number[]
  readonly logprobs: readonly number[]
  readonly text: string
  readonly finishReason: 'stop' | 'length'
}

/** What the worker is born with. */
export interface EngineData {
  readonly architecture: Architecture
  readonly vocabulary: SamplerVocabulary
  readonly weights: Float32Array
  /** Name of the version that `weights` are. */
  readonly version: string
  readonly limits: NetworkLimits
}

/** To the worker. */
export type ToEngine =
  | {
      [K in keyof EngineCalls]: { readonly kind: K; readonly id: number; readonly request: EngineCalls[K]['request'] }
    }[keyof EngineCalls]
  /** Gives up a `sample` call; no answer follows. Unknown ids are ignored: the answer may have been on its way. */
  | { readonly kind: 'cancel'; readonly id: number }

/** From the worker. */
export type FromEngine =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly id: number; readonly result: EngineCalls[keyof EngineCalls]['result'] }
  | { readonly kind: 'error'; readonly id: number; readonly code: string; readonly message: string }
  | { readonly kind: 'token'; readonly id: number; readonly token: SampledToken }
