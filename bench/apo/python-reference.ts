import type { ModelOptions, ModelUse, WorldOptions } from '@agl/simulated-world'
import type { ReferenceSettings } from './contest.ts'

/** What the reference would have answered with after an evaluation. */
export interface ReferencePoint {
  /** Spent so far. */
  readonly rollouts: number
  /** Since its algorithm began. */
  readonly wall_seconds: number
  readonly true_score: number
}

/** One run of the Python package's APO, in the world of one seed. */
export interface ReferenceRun {
  readonly seed: number
  /** True score of the seed prompt. */
  readonly seed_score: number
  /** True score of the best prompt that there is. */
  readonly optimum: number
  /** True score of the prompt that it answers with. */
  readonly true_score: number
  /** The score that it claims for that prompt. */
  readonly reported_score: number
  readonly rollouts: number
  /** Rollouts that it gave up waiting for. */
  readonly unfinished: number
  readonly model_calls: ModelUse['answered']
  /** From the beginning to the end of its algorithm, store and runners being there. */
  readonly wall_seconds: number
  /** `Trainer.fit` as a whole: with the start and the end of its processes. */
  readonly fit_seconds: number
  /** Mean length of the machine's run queue over five minutes, at the end. */
  readonly load: number
  readonly prompt: string
  readonly trajectory: readonly ReferencePoint[]
}

/** python-reference.json, which measure-python.ts writes. */
export interface PythonReference {
  readonly about: {
    readonly versions: string
    readonly machine: string
    readonly command: string
    readonly world: Omit<WorldOptions, 'seed'>
    readonly models: ModelOptions
    readonly tasks: { readonly train: number; readonly val: number }
    readonly runners: number
    readonly settings: Readonly<Record<'example' | 'defaults', ReferenceSettings>>
  }
  readonly runs: Readonly<Record<'example' | 'defaults', readonly ReferenceRun[]>>
}
