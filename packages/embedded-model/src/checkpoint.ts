import { AglError, errorMessage, parseOrThrow } from '@agl/types'
import { z } from 'zod'
import { decodeSafetensors, encodeSafetensors, type Tensor, type TensorType } from './safetensors.ts'
import { createTokenizer, type Tokenizer } from './tokenizer.ts'
import { type Architecture, countParameters, parameterLayout } from './transformer/architecture.ts'
import { initialWeights } from './transformer/initialise.ts'

/** A whole model as a value: what a file holds, and what {@link createEmbeddedModel} starts from. */
export interface Checkpoint {
  readonly name: string
  readonly architecture: Architecture
  readonly tokenizer: Tokenizer
  /** All tensors behind each other, in the order of `parameterLayout`. */
  readonly weights: Float32Array
}

/** The sizes of a new model. */
export interface ModelSize {
  /** Width of the residual stream. Default 64. */
  readonly width?: number
  /** Default 2. */
  readonly layers?: number
  /** `width / heads` is a multiple of 8. Default 4. */
  readonly heads?: number
  /** A multiple of 8. Default 4 · width. */
  readonly hiddenWidth?: number
  /** Tokens of prompt and completion together. Default 128. */
  readonly contextLength?: number
}

export interface InitialiseOptions extends ModelSize {
  /** Name under which the model is served: letters, digits, `.`, `_`, `-`. */
  readonly name: string
  readonly tokenizer: Tokenizer
  /** The same seed gives the same weights, bit by bit. */
  readonly seed: number
}

/** Names of models and versions: `model@version` must read one way only, in URLs and in file names too. */
export const nameSchema: z.ZodType<string> = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'letters, digits, ".", "_", "-"')

const sizeSchema = z.strictObject({
  width: z.int().min(8).max(4096).default(64),
  layers: z.int().min(1).max(64).default(2),
  heads: z.int().min(1).default(4),
  hiddenWidth: z.int().min(8).multipleOf(8).optional(),
  contextLength: z.int().min(2).max(4096).default(128),
})

const architectureSchema = z
  .strictObject({
    vocabularySize: z.int().min(1),
    width: z.int().min(8),
    layers: z.int().min(1),
    heads: z.int().min(1),
    hiddenWidth: z.int().min(8).multipleOf(8),
    contextLength: z.int().min(2),
  })
  .refine(({ width, heads }) => (width / heads) % 8 === 0, { message: 'width / heads must be a multiple of 8', path: ['heads'] })

/** A new model with random weights. */
export function initialise(options: InitialiseOptions): Checkpoint {
  const { name, tokenizer, seed, ...size } = options
  const { hiddenWidth, ...sizes } = parseOrThrow(sizeSchema, size, 'options of initialise')
  parseOrThrow(z.int(), seed, 'seed of initialise')
  const architecture = parseOrThrow(
    architectureSchema,
    { ...sizes, hiddenWidth: hiddenWidth ?? 4 * sizes.width, vocabularySize: tokenizer.vocabulary.length },
    'architecture',
  )
  return {
    name: parseOrThrow(nameSchema, name, 'name of the model'),
    architecture,
    tokenizer,
    weights: initialWeights(architecture, seed),
  }
}

const formatName = 'agl-embedded-model'
const formatVersion = '1'

const metadataSchema = z.object({
  format: z.literal(formatName),
  version: z.literal(formatVersion),
  name: nameSchema,
  architecture: z.string(),
  vocabulary: z.string(),
})

/** The checkpoint as one safetensors file. BF16 halves it and rounds weights to 8 significant bits. */
export function writeCheckpoint(checkpoint: Checkpoint, type: TensorType = 'F32'): Uint8Array {
  const { name, architecture, tokenizer, weights } = checkpoint
  const tensors = parameterLayout(architecture).map(({ name, shape, offset, size }): Tensor => ({
    name,
    shape,
    values: weights.subarray(offset, offset + size),
  }))
  return encodeSafetensors({
    metadata: {
      format: formatName,
      version: formatVersion,
      name,
      architecture: JSON.stringify(architecture),
      vocabulary: JSON.stringify(tokenizer.vocabulary),
    },
    tensors,
    type,
  })
}

/** @throws AglError `invalid_argument`, saying what was expected and what came */
export function readCheckpoint(file: Uint8Array): Checkpoint {
  const { metadata, tensors } = decodeSafetensors(file)
  const { name, ...texts } = parseOrThrow(metadataSchema, metadata, '__metadata__ of the checkpoint')
  const architecture = parseOrThrow(
    architectureSchema,
    parseJson(texts.architecture, 'architecture'),
    'architecture of the checkpoint',
  )
  const vocabulary = parseOrThrow(z.array(z.string()), parseJson(texts.vocabulary, 'vocabulary'), 'vocabulary of the checkpoint')
  if (vocabulary.length !== architecture.vocabularySize) {
    refuse(`expected a vocabulary of ${architecture.vocabularySize} tokens, got ${vocabulary.length}.`)
  }

  const weights = new Float32Array(countParameters(architecture))
  const found = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  for (const { name, shape, offset } of parameterLayout(architecture)) {
    const tensor = found.get(name)
    if (tensor === undefined) throw refuse(`expected a tensor ${name} of shape [${shape.join(', ')}], found none.`)
    if (tensor.shape.join() !== shape.join()) {
      refuse(`expected tensor ${name} to have shape [${shape.join(', ')}], got [${tensor.shape.join(', ')}].`)
    }
    if (!tensor.values.every(Number.isFinite)) refuse(`tensor ${name} holds a value that is not finite.`)
    weights.set(tensor.values, offset)
    found.delete(name)
  }
  if (found.size > 0) refuse(`unknown tensors: ${[...found.keys()].join(', ')}.`)
  return { name, architecture, tokenizer: createTokenizer(vocabulary), weights }
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw refuse(`expected ${what} to be JSON: ${errorMessage(error)}`)
  }
}

function refuse(problem: string): never {
  throw new AglError({ code: 'invalid_argument', message: `Invalid checkpoint: ${problem}` })
}
