import { type Dataset, implementing, type JsonObject, parseOptions, type TrainingBackend } from '@agl/types'
import { z } from 'zod'
import type { SftProgress } from './progress.ts'

export interface SftOptions<Task = unknown> {
  /** Trains the model and keeps its versions. */
  readonly backend: TrainingBackend
  /** Base URL, ending in `/v1`, under which the backend's versions are served. */
  readonly endpoint: string
  /** Key for the endpoint. */
  readonly apiKey?: string | null
  /** Tasks that decide nothing: scored once with the first version and once with the version that was kept. */
  readonly testDataset?: Dataset<Task>
  /** Name of the model among the resources. */
  readonly resourceName?: string
  /** Versions are called `{prefix}-0`, `{prefix}-1`, …, going on after those that the backend has already. */
  readonly versionPrefix?: string
  /** Rounds of rolling out and training; at least 1. */
  readonly iterations?: number
  /** Tasks drawn from the training dataset per iteration, without repetition until it is used up; at least 1. */
  readonly tasksPerIteration?: number
  /** Rollouts per drawn task; at least 1. */
  readonly samplesPerTask?: number
  /** A rollout is learnt from when its reward is at least this. */
  readonly minReward?: number
  /** Passes over the kept rollouts per iteration; at least 1. */
  readonly epochs?: number
  /** Sequences per step of the optimizer; at least 1. */
  readonly batchSize?: number
  readonly learningRate?: number
  /**
   * Which version is kept: `significant` = the best on the validation tasks, but only if the 95 % interval of its paired
   * gain over the first version, widened for the choice among several, lies above 0, otherwise the first; `best` = the best, by however little;
   * `last` = the last, whatever it scored.
   */
  readonly keep?: 'significant' | 'best' | 'last'
  /** Put into the model resource; the same in training and in every evaluation. */
  readonly samplingParameters?: JsonObject
  /** What counts for a rollout whose agent failed or ran out of time. */
  readonly worstReward?: number
  readonly seed?: number
  /**
   * Control experiment: deals the rewards of each iteration out to its rollouts at random before filtering. What is learnt
   * then cannot come from the reward, and the choice of the version, which looks at true rewards, should find nothing worth
   * keeping.
   */
  readonly shuffleRewards?: boolean
  readonly onProgress?: (event: SftProgress) => void
}

/** The defaults of {@link SftOptions}. */
export const sftDefaults: Readonly<Required<Omit<SftOptions, 'backend' | 'endpoint' | 'testDataset' | 'onProgress'>>> =
  Object.freeze({
    resourceName: 'llm',
    versionPrefix: 'sft',
    apiKey: null,
    iterations: 4,
    tasksPerIteration: 128,
    samplesPerTask: 4,
    minReward: 1,
    epochs: 2,
    batchSize: 32,
    learningRate: 3e-4,
    keep: 'significant',
    samplingParameters: Object.freeze({ temperature: 1 }),
    worstReward: 0,
    seed: 0,
    shuffleRewards: false,
  })

export type ResolvedSftOptions<Task> = Required<SftOptions<Task>>

const positive = z.int().min(1).optional()

const optionsSchema = z.strictObject({
  backend: implementing<TrainingBackend>(
    'a training backend',
    'forwardBackward',
    'optimStep',
    'sample',
    'saveState',
    'loadState',
  ),
  endpoint: z.url({ protocol: /^https?$/ }),
  testDataset: z.custom<Dataset>((value) => typeof value === 'object' && value !== null && 'length' in value).optional(),
  apiKey: z.string().nullable().optional(),
  resourceName: z.string().min(1).optional(),
  versionPrefix: z.string().min(1).optional(),
  iterations: positive,
  tasksPerIteration: positive,
  samplesPerTask: positive,
  minReward: z.number().optional(),
  epochs: positive,
  batchSize: positive,
  learningRate: z.number().positive().optional(),
  keep: z.enum(['significant', 'best', 'last']).optional(),
  samplingParameters: z.record(z.string(), z.json()).optional(),
  worstReward: z.number().optional(),
  seed: z.int().optional(),
  shuffleRewards: z.boolean().optional(),
  onProgress: z.custom<(event: SftProgress) => void>((value) => typeof value === 'function').optional(),
})

export function resolveSftOptions<Task>(options: SftOptions<Task>): ResolvedSftOptions<Task> {
  const defaults = { ...sftDefaults, testDataset: [], onProgress: () => {} }
  return parseOptions(optionsSchema, options, defaults, 'options of createSft')
}
