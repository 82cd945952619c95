import type { ApoOptions, BaselineOptions, ChatModel, SftOptions } from '@agl/algorithms'
import { AglError, type Algorithm, type JsonObject, jsonObjectSchema } from '@agl/types'
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

interface ModelSpec {
  readonly api?: 'openai' | 'anthropic'
  readonly model: string
  readonly baseUrl?: string
  readonly apiKey?: string | null
  readonly parameters?: JsonObject
}

const modelSchema: z.ZodType<ModelSpec> = z.strictObject({
  api: field(z.enum(['openai', 'anthropic']), 'Chat Completions, as of most services and local servers, or Messages', 'openai'),
  model: z.string().min(1).meta({ description: 'what the service calls the model' }),
  baseUrl: field(
    z.url({ protocol: /^https?$/ }),
    'where the service is, as http://127.0.0.1:11434/v1; by itself that of OpenAI or Anthropic',
  ),
  apiKey: field(z.string().nullable().meta({ secret: true }), 'key for the service, as ${OPENAI_API_KEY}', null),
  parameters: field(jsonObjectSchema, 'more fields of each request', {}),
})

type ApoFields = Omit<ApoOptions, 'model' | 'templates' | 'testDataset'>

interface ApoSpec extends ApoFields {
  readonly model: ModelSpec
  readonly editModel?: ModelSpec
  readonly testDataset?: string
}

const limit = (of: string): z.ZodExactOptional<z.ZodNumber> => field(z.number().min(0), `the most ${of}; by itself not limited`)

const apoSchema: z.ZodType<ApoSpec> = z.strictObject({
  model: modelSchema.meta({ description: 'who criticizes, and edits where there is no editModel' }),
  editModel: z.exactOptional(modelSchema.meta({ description: 'who edits' })),
  testDataset: field(z.string().min(1).meta({ path: true }), 'a file of tasks that have no part in any choice'),
  mode: field(z.enum(['beam', 'pareto']), 'how parents are chosen', 'beam'),
  targets: field(z.array(z.string()).nullable(), 'names of the prompts to improve; null = all', null),
  diversityTemperature: field(z.number().min(0), 'of critiques and edits', 1),
  gradientBatchSize: field(positive, 'rollouts that a critic is shown', 4),
  valBatchSize: field(positive, 'validation tasks on which a race ends', 16),
  beamWidth: field(positive, 'prompts that survive a round', 4),
  branchFactor: field(positive, 'children of each', 4),
  beamRounds: field(positive, 'rounds', 3),
  finalists: field(positive, 'of the last survivors so many are run on all validation tasks', 3),
  rolloutBatchTimeoutMs: field(z.number().positive(), 'longest time of one evaluation', 3_600_000),
  runInitialValidation: field(z.boolean(), 'runs the first prompt on all validation tasks', true),
  keep: field(z.enum(['best', 'significant']), 'which prompt is kept', 'best'),
  testRepetitions: field(positive, 'how often each test task is run', 1),
  budget: z.exactOptional(
    z.strictObject({
      rollouts: limit('rollouts'),
      modelCalls: limit('calls of models'),
      tokens: limit('tokens'),
      usd: limit('US dollars; needs prices'),
      minutes: limit('minutes'),
    }),
  ),
  prices: field(
    z.record(z.string(), z.strictObject({ input: z.number().min(0), output: z.number().min(0) })).nullable(),
    'US dollars for a million tokens, by model, as { "gpt-5-mini": { "input": 0.25, "output": 2 } }',
    null,
  ),
  perfectReward: field(z.number().nullable(), 'a rollout with it has no flaw to criticize', 1),
  worstReward: field(z.number(), 'what counts for a rollout whose agent failed', 0),
  concurrency: field(positive, 'calls of critic and editor at the same time', 8),
  maxPromptCharacters: field(positive, 'longest prompt that is taken', 20_000),
  experimentCharacters: field(positive, 'longest conversation that a critic is shown', 4_000),
  saveTo: field(z.string().min(1).nullable().meta({ path: true }), 'a folder for what is found: a module, JSON, a report', null),
  seed: field(z.int(), 'makes what is drawn repeatable', 0),
})

async function createModel({ api = 'openai', ...spec }: ModelSpec): Promise<ChatModel> {
  const { createAnthropicModel, createOpenAiModel } = await load()
  return api === 'openai' ? createOpenAiModel(spec) : createAnthropicModel(spec)
}

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
  defineComponent({
    kind: algorithmKind,
    name: 'apo',
    summary: 'improves the prompts by what a model says of the rollouts',
    schema: apoSchema,
    async create({ model, editModel = model, testDataset: place, ...options }) {
      const { createApo, loadDataset } = await load()
      const [critique, edit] = await Promise.all([createModel(model), createModel(editModel)])
      const testDataset = place === undefined ? [] : await loadDataset(place)
      return createApo({ ...options, model: { critique, edit }, testDataset })
    },
  }),
  ...baselines,
])
