import { AglError, type Dataset, implementing, parseOptions, type PromptTemplate } from '@agl/types'
import { z } from 'zod'
import type { ChatModel } from '../models/chat-model.ts'
import { type BudgetLimits, budgetSchema } from '../run/budget.ts'
import { type Prices, pricesSchema } from '../run/prices.ts'
import { type ApoTemplates, apoTemplates, checkTemplates } from './templates.ts'

/** Options of {@link createApo}. Where the reference has one of the same name, the default is its own. */
export interface ApoOptions<Task = unknown> {
  /** Who criticizes and edits: one model for both, or one each. */
  readonly model: ChatModel | { readonly critique: ChatModel; readonly edit: ChatModel }
  /**
   * How parents are chosen. `beam`: the best so far, after a race on validation tasks. `pareto`: the best so far, and others that are the
   * best on some validation task, the more often the likelier; children race with their parents on training tasks first, and two that
   * do not come from each other are merged (after GEPA, Agrawal et al. 2025). Default `beam`.
   */
  readonly mode?: 'beam' | 'pareto'
  /** Names of the prompt templates to improve. Default: all among the initial resources. */
  readonly targets?: readonly string[] | null
  /** What the models are asked; what is absent is our own. */
  readonly templates?: Partial<ApoTemplates>
  /** Of critiques and edits. */
  readonly diversityTemperature?: number
  /** How many rollouts a critic is shown; at least 1. */
  readonly gradientBatchSize?: number
  /** On how many validation tasks a race ends; at least 1. `pareto`: validation and training tasks together. */
  readonly valBatchSize?: number
  /** Prompts that survive a round; `pareto`: parents of a round, and the most children that join in it. */
  readonly beamWidth?: number
  /** Children of each parent in a round. */
  readonly branchFactor?: number
  readonly beamRounds?: number
  /** How many of the last survivors are run on all validation tasks. */
  readonly finalists?: number
  /** Longest time of one evaluation in milliseconds; rollouts that are not finished then are cancelled and left out. */
  readonly rolloutBatchTimeoutMs?: number
  /** Runs the first prompt on all validation tasks, so that the gain on them is known. */
  readonly runInitialValidation?: boolean
  /** Which prompt is kept: the `best` on the validation tasks, or that only if it is `significant`ly better than the first. */
  readonly keep?: 'best' | 'significant'
  /** Takes no part in any choice; the first and the kept prompt are run on it once, at the end. Default: none. */
  readonly testDataset?: Dataset<Task>
  /** How often each test task is run with each of the two. */
  readonly testRepetitions?: number
  /** The most that the run may spend; checked before anything is spent. */
  readonly budget?: BudgetLimits
  /** Of all models that the run calls; needed where money is limited. */
  readonly prices?: Prices | null
  /** A rollout that is rewarded so well has no flaw to be criticized. Null: none is so good. */
  readonly perfectReward?: number | null
  /** What counts for an agent that failed or ran out of time. */
  readonly worstReward?: number
  /** Calls of the models at the same time. */
  readonly concurrency?: number
  /** Longest prompt that is taken from an editor, in characters. */
  readonly maxPromptCharacters?: number
  /** Longest conversation that a critic is shown of one rollout, in characters; its task and its feedback may each be as long again. */
  readonly experimentCharacters?: number
  /**
   * A folder that the result is written into: a module to import, `artifact.json`, a report. It is read back and run once more on some
   * tasks, so that it is sure to score as claimed. Null: `result.save` may do it.
   */
  readonly saveTo?: string | null
  /** Makes what is drawn repeatable. */
  readonly seed?: number
}

export type ResolvedApoOptions<Task> = Required<Omit<ApoOptions<Task>, 'model' | 'templates'>> & {
  readonly model: { readonly critique: ChatModel; readonly edit: ChatModel }
  readonly templates: ApoTemplates
}

/** The defaults of {@link ApoOptions}. */
export const apoDefaults: Readonly<Required<Omit<ApoOptions, 'model' | 'templates' | 'testDataset'>>> = Object.freeze({
  mode: 'beam',
  targets: null,
  diversityTemperature: 1,
  gradientBatchSize: 4,
  valBatchSize: 16,
  beamWidth: 4,
  branchFactor: 4,
  beamRounds: 3,
  finalists: 3,
  rolloutBatchTimeoutMs: 3_600_000,
  runInitialValidation: true,
  keep: 'best',
  testRepetitions: 1,
  budget: Object.freeze({}),
  prices: null,
  perfectReward: 1,
  worstReward: 0,
  concurrency: 8,
  maxPromptCharacters: 20_000,
  experimentCharacters: 4_000,
  saveTo: null,
  seed: 0,
})

const count = z.int().min(1).optional()
const templatesSchema = z
  .array(z.custom<PromptTemplate>(isTemplate, { error: 'expected a prompt template' }))
  .min(1)
  .optional()
const model = implementing<ChatModel>('a model, as of createOpenAiModel or createAnthropicModel', 'chat')

const optionsSchema = z.strictObject({
  model: z.custom<ApoOptions['model']>(
    (value) =>
      isModel(value) ||
      (typeof value === 'object' &&
        value !== null &&
        'critique' in value &&
        'edit' in value &&
        isModel(value.critique) &&
        isModel(value.edit)),
    { error: 'expected a model, as of createOpenAiModel or createAnthropicModel, or { critique, edit }' },
  ),
  mode: z.enum(['beam', 'pareto']).optional(),
  targets: z.array(z.string()).min(1).nullable().optional(),
  templates: z
    .strictObject({ critique: templatesSchema, edit: templatesSchema, merge: templatesSchema, repair: templatesSchema })
    .optional(),
  diversityTemperature: z.number().min(0).optional(),
  gradientBatchSize: count,
  valBatchSize: count,
  beamWidth: count,
  branchFactor: count,
  beamRounds: count,
  finalists: count,
  rolloutBatchTimeoutMs: z.number().positive().optional(),
  runInitialValidation: z.boolean().optional(),
  keep: z.enum(['best', 'significant']).optional(),
  testDataset: z.custom<Dataset>(isDataset, { error: 'expected a dataset: an array, or anything with a length' }).optional(),
  testRepetitions: count,
  budget: budgetSchema.optional(),
  prices: pricesSchema.nullable().optional(),
  perfectReward: z.number().nullable().optional(),
  worstReward: z.number().optional(),
  concurrency: count,
  maxPromptCharacters: count,
  experimentCharacters: count,
  saveTo: z.string().min(1).nullable().optional(),
  seed: z.int().optional(),
})

export function resolveApoOptions<Task>(options: ApoOptions<Task>): ResolvedApoOptions<Task> {
  const parsed = parseOptions(optionsSchema, options, { ...apoDefaults, testDataset: [] }, 'options of createApo')
  const templates = { ...apoTemplates, ...definedOf(options.templates ?? {}) }
  checkTemplates(templates)
  const { model: given, budget, prices } = parsed as unknown as ResolvedApoOptions<Task> & Pick<ApoOptions, 'model'>
  if (budget.usd !== undefined && prices === null) {
    throw new AglError({
      code: 'invalid_argument',
      message:
        'budget.usd limits money, and nothing says what the models cost: give prices: { "the-model": { input, output } }, ' +
        'in US dollars for a million tokens.',
    })
  }
  const models = 'chat' in given ? { critique: given, edit: given } : given
  return { ...(parsed as unknown as ResolvedApoOptions<Task>), model: models, templates }
}

function definedOf<Values extends object>(values: Values): Partial<Values> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Values>
}

function isModel(value: unknown): value is ChatModel {
  return model.safeParse(value).success
}

function isTemplate(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'template' in value && 'engine' in value
}

function isDataset(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'length' in value
}
