import {
  AglError,
  parseOrThrow,
  type ForwardBackwardRequest,
  type OptimStepRequest,
  type SampleRequest,
  type TrainingDatum,
} from '@agl/types'
import { z } from 'zod'
import { nameSchema } from './checkpoint.ts'
import type { Architecture } from './transformer/architecture.ts'
import type { OptimStep } from './transformer/learner.ts'
import type { Loss } from './transformer/loss.ts'

/** Defaults of the training and sampling calls. */
export const requestDefaults: Readonly<
  Omit<OptimStep, 'learningRate'> & { clipLow: number; clipHigh: number; temperature: number }
> = Object.freeze({
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0,
  maxGradientNorm: 1,
  resetMoments: false,
  clipLow: 0.2,
  clipHigh: 0.2,
  temperature: 1,
})

/** The parts of a sampling request that need no knowledge of versions. */
export interface CheckedSample {
  readonly prompt: readonly number[]
  readonly version: string | undefined
  readonly count: number
  readonly maxTokens: number
  readonly temperature: number
  readonly stop: readonly string[]
  readonly seed: number | undefined
}

const optimStepSchema = z.strictObject({
  learningRate: z.number().min(0),
  beta1: z.number().min(0).lt(1).default(requestDefaults.beta1),
  beta2: z.number().min(0).lt(1).default(requestDefaults.beta2),
  epsilon: z.number().positive().default(requestDefaults.epsilon),
  weightDecay: z.number().min(0).default(requestDefaults.weightDecay),
  maxGradientNorm: z.number().positive().nullable().default(requestDefaults.maxGradientNorm),
  resetMoments: z.boolean().default(requestDefaults.resetMoments),
})

const sampleSchema = z.strictObject({
  prompt: z.custom<readonly number[]>(Array.isArray, 'expected a list of token ids'),
  version: nameSchema.optional(),
  count: z.int().min(1).max(1024).default(1),
  maxTokens: z.int().min(1),
  temperature: z.number().min(0).max(100).default(requestDefaults.temperature),
  stop: z.array(z.string().min(1)).max(16).default([]),
  seed: z.int().optional(),
})

const versionSchema = z.strictObject({ version: nameSchema })

const forwardBackwardSchema = z.strictObject({
  data: z.custom<readonly TrainingDatum[]>(
    (value) => Array.isArray(value) && value.length > 0,
    'expected a list of at least one datum',
  ),
  loss: z.enum(['cross_entropy', 'importance_sampling', 'ppo']),
  clipLow: z.number().min(0).max(1).optional(),
  clipHigh: z.number().min(0).optional(),
})

export function checkVersion(request: { readonly version: string }): string {
  return parseOrThrow(versionSchema, request, 'version').version
}

export function checkOptimStep(request: OptimStepRequest): OptimStep {
  return parseOrThrow(optimStepSchema, request, 'optimStep request')
}

/** Cuts `maxTokens` to what fits behind the prompt. */
export function checkSample(request: SampleRequest, architecture: Architecture): CheckedSample {
  const { prompt, version, count, maxTokens, temperature, stop, seed } = parseOrThrow(sampleSchema, request, 'sample request')
  const room = architecture.contextLength - prompt.length
  if (prompt.length === 0) throw invalid('Invalid sample request: expected a prompt of at least one token, got none.')
  assertTokens(prompt, architecture, 'prompt')
  if (room < 1) {
    throw new AglError({
      code: 'context_length_exceeded',
      message: `The prompt takes ${prompt.length} tokens; the context of ${architecture.contextLength} must hold it and at least one more.`,
      data: { promptTokens: prompt.length, contextLength: architecture.contextLength },
    })
  }
  return { prompt, version, count, maxTokens: Math.min(maxTokens, room), temperature, stop, seed }
}

/** Everything is checked before anything is sent, so a refused request leaves the gradients alone. */
export function checkForwardBackward(
  request: ForwardBackwardRequest,
  architecture: Architecture,
): { readonly data: readonly TrainingDatum[]; readonly loss: Loss } {
  const { data, loss, clipLow, clipHigh } = parseOrThrow(forwardBackwardSchema, request, 'forwardBackward request')
  if (loss !== 'ppo' && (clipLow !== undefined || clipHigh !== undefined)) {
    throw invalid(`Invalid forwardBackward request: clipLow and clipHigh belong to the loss ppo, not to ${loss}.`)
  }
  data.forEach((datum, index) => assertDatum(datum, index, loss, architecture))
  return {
    data,
    loss: { kind: loss, clipLow: clipLow ?? requestDefaults.clipLow, clipHigh: clipHigh ?? requestDefaults.clipHigh },
  }
}

type Aligned = 'weights' | 'advantages' | 'logprobs'

const usedBy: Readonly<Record<Loss['kind'], readonly Aligned[]>> = Object.freeze({
  cross_entropy: ['weights'],
  importance_sampling: ['advantages', 'logprobs'],
  ppo: ['advantages', 'logprobs'],
})

function assertDatum(datum: TrainingDatum, index: number, loss: Loss['kind'], architecture: Architecture): void {
  const { length } = datum.tokens
  const { contextLength } = architecture
  const refuse = (problem: string): never => {
    throw invalid(`Datum ${index}: ${problem}`, { datum: index })
  }
  if (length < 2 || length > contextLength) refuse(`expected 2 to ${contextLength} tokens, got ${length}.`)
  assertTokens(datum.tokens, architecture, `Datum ${index}: tokens`, { datum: index })
  for (const field of ['weights', 'advantages', 'logprobs'] as const) {
    const values = datum[field]
    if (!usedBy[loss].includes(field)) {
      if (values !== undefined) refuse(`${field} mean nothing to the loss ${loss}.`)
      continue
    }
    if (values === undefined) throw refuse(`the loss ${loss} needs ${field}.`)
    if (values.length !== length) refuse(`expected ${length} ${field}, one per token, got ${values.length}.`)
    const wrong = values.findIndex((value) => !Number.isFinite(value))
    if (wrong >= 0) refuse(`expected ${field}[${wrong}] to be a finite number, got ${String(values[wrong])}.`)
  }
}

function assertTokens(
  tokens: readonly number[],
  { vocabularySize }: Architecture,
  what: string,
  data: Readonly<Record<string, unknown>> = {},
): void {
  const wrong = tokens.findIndex((token) => !Number.isInteger(token) || token < 0 || token >= vocabularySize)
  if (wrong < 0) return
  throw invalid(`${what}[${wrong}]: expected a token id from 0 to ${vocabularySize - 1}, got ${String(tokens[wrong])}.`, data)
}

function invalid(message: string, data: Readonly<Record<string, unknown>> = {}): AglError {
  return new AglError({ code: 'invalid_argument', message, data })
}
