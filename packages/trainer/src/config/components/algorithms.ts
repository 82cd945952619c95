import type { BaselineOptions, SftOptions } from '@agl/algorithms'
import { AglError, type Algorithm } from '@agl/types'
import { z } from 'zod'
import { type Component, defineComponent } from '../component.ts'
import { field } from '../field.ts'
import { loadPackage } from '../load-package.ts'
import { algorithmKind } from './kinds.ts'

const load = async () => loadPackage('@agl/algorithms', async () => import('@agl/algorithms'))

const positive = z.int().min(1)

const sftSchema: z.ZodType<Omit<SftOptions, 'backend' | 'testDataset' | 'onProgress'>> = z.strictObject({
  endpoint: z.url({ protocol: /^https?$/ }).meta({ description: 'base URL, ending in /v1, where the versions are served' }),
  apiKey: field(z.string().nullable().meta({ secret: true }), 'key for the endpoint', null),
  resourceName: field(z.string().min(1), 'name of the model among the resources', 'llm'),
  versionPrefix: field(z.string().min(1), 'versions are called PREFIX-0, PREFIX-1, …', 'sft'),
  iterations: field(positive, 'rounds of rolling out and training', 4),
  tasksPerIteration: field(positive, 'tasks drawn in each', 128),
  samplesPerTask: field(positive, 'rollouts for each task', 4),
  minReward: field(z.number(), 'a rollout is learnt from when its reward is at least this', 1),
  epochs: field(positive, 'passes over the kept rollouts', 2),
  batchSize: field(positive, 'sequences per step of the optimizer', 32),
  learningRate: field(z.number().positive(), 'step size of the optimizer', 3e-4),
  keep: field(z.enum(['significant', 'best', 'last']), 'which version is kept', 'significant'),
  samplingParameters: field(z.record(z.string(), z.json()), 'put into the model resource', { temperature: 1 }),
  worstReward: field(z.number(), 'what counts for a rollout whose agent failed', 0),
  seed: field(z.int(), 'makes what is drawn repeatable', 0),
  shuffleRewards: field(z.boolean(), 'control experiment: deals rewards out at random', false),
})

const baselineSchema: z.ZodType<BaselineOptions> = z.strictObject({
  epochs: field(positive, 'passes over all tasks', 1),
  maxQueueLength: field(positive, 'how long the queue of the store may get by it', 4),
  spanVerbosity: field(z.enum(['keys', 'key_values', 'none']), 'what is logged (debug) of the attributes of each span', 'keys'),
  worstReward: field(z.number(), 'what counts for a rollout whose agent failed', 0),
})

/** The second name is that of the reference. */
const baselines = ['baseline', 'fast-algorithm'].map((name) =>
  defineComponent({
    kind: algorithmKind,
    name,
    summary: 'runs every task once: a look whether everything works together, and the scores to beat',
    schema: baselineSchema,
    create: async (options): Promise<Algorithm> => (await load()).createBaseline(options),
  }),
)

export const algorithmComponents: readonly Component<Algorithm>[] = Object.freeze([
  defineComponent({
    kind: algorithmKind,
    name: 'sft',
    summary: 'trains the model on its own rollouts that went well',
    schema: sftSchema,
    async create(options, { backend }) {
      if (backend === undefined) {
        throw new AglError({
          code: 'invalid_argument',
          message:
            'The algorithm "sft" needs a training backend, which no file can hold: registry.create(algorithmKind, spec, { backend }).',
        })
      }
      const { createSft } = await load()
      return createSft({ ...options, backend })
    },
  }),
  ...baselines,
])
