import {
  AglError,
  type CallOptions,
  parseOrThrow,
  type Sample,
  type SampleRequest,
  type SampleResult,
  type TrainingBackend,
} from '@agl/types'
import { z } from 'zod'
import { type ChatMessage, encodeChat, encodeConversation, type TrainingConversation } from './chat-template.ts'
import { type Checkpoint, nameSchema } from './checkpoint.ts'
import { type EngineClient, startEngine } from './engine-client.ts'
import { createOrder } from './order.ts'
import { checkForwardBackward, checkOptimStep, checkSample, checkVersion } from './requests.ts'
import { deriveSeed } from './random.ts'
import type { Tokenizer } from './tokenizer.ts'
import { countParameters } from './transformer/architecture.ts'
import type { SampledToken } from './transformer/sampler.ts'

export interface EmbeddedModelOptions {
  /** Where the model starts from: `readCheckpoint(file)` or `initialise({ … })`. */
  readonly checkpoint: Checkpoint
  /** Name of the version that the checkpoint becomes. Default `base`. */
  readonly version?: string
  /** Completions sampled at the same time; more wait. Memory grows with it. Minimum 1, default 64. */
  readonly batchSize?: number
  /** Draws the seed of a request that has none. Default `Math.random`. */
  readonly random?: () => number
}

/** The defaults of {@link EmbeddedModelOptions}. */
export const embeddedModelDefaults: Readonly<{ version: string; batchSize: number }> = Object.freeze({
  version: 'base',
  batchSize: 64,
})

export interface SampleOptions extends CallOptions {
  /** Called with every token as it is sampled, and which of the completions it belongs to. */
  readonly onToken?: (token: SampledToken, index: number) => void
}

/**
 * A language model that trains and samples in a worker thread. Between `start` and `close`, calls may come in any number
 * and order: sampling calls are batched with one another, training calls run one after the other.
 *
 * Errors: `invalid_argument`, `context_length_exceeded`, `not_found` (version), `conflict` (version exists), `closed`
 * (also before `start`), `model_worker_died`, `training_failed` (gradient not finite). A signal ends a sampling call at
 * once and a training call that has not begun; one that has begun is finished, for half an update would help nobody.
 */
export interface EmbeddedModel extends TrainingBackend, AsyncDisposable {
  readonly name: string
  readonly contextLength: number
  readonly tokenizer: Tokenizer
  /** Saved versions, oldest first. The last one is what `sample` uses when none is named. */
  readonly versions: readonly string[]
  /** Started, not closed, and the worker thread lives. */
  readonly isRunning: boolean
  /** Starts the worker thread, which keeps the process alive until `close`. Once only. */
  start(options?: CallOptions): Promise<void>
  /** As in {@link TrainingBackend}; `maxTokens` is cut to what fits the context. */
  sample(request: SampleRequest, options?: SampleOptions): Promise<SampleResult>
  /** Forgets a version and frees its memory. The only one cannot be deleted. */
  deleteState(request: { readonly version: string }, options?: CallOptions): Promise<void>
  /** A version as a value, for `writeCheckpoint`. */
  exportState(request: { readonly version: string }, options?: CallOptions): Promise<Checkpoint>
  /** The prompt for the assistant's next message. */
  encodeChat(messages: readonly ChatMessage[]): number[]
  /** A conversation as tokens and weights for `cross_entropy`. */
  encodeConversation(messages: readonly ChatMessage[]): TrainingConversation
  /** Ends the thread. Calls in flight fail with `closed`. May be called again. */
  close(): Promise<void>
}

const optionsSchema = z.strictObject({
  checkpoint: z.custom<Checkpoint>((value) => typeof value === 'object' && value !== null, 'expected a checkpoint'),
  version: nameSchema.default(embeddedModelDefaults.version),
  batchSize: z.int().min(1).max(1024).default(embeddedModelDefaults.batchSize),
  random: z.custom<() => number>((value) => typeof value === 'function', 'expected a function').default(() => Math.random),
})

/** Rows of one pass. Larger ones are not faster (256 to 2048 rows train within 2 percent of each other) but take memory. */
const rowsPerPass = 1024

export function createEmbeddedModel(options: EmbeddedModelOptions): EmbeddedModel {
  const {
    checkpoint,
    version: firstVersion,
    batchSize,
    random,
  } = parseOrThrow(optionsSchema, options, 'options of createEmbeddedModel')
  const { name, architecture, tokenizer, weights } = checkpoint
  const { contextLength, vocabularySize } = architecture
  const parameters = countParameters(architecture)
  if (weights.length !== parameters) {
    throw new AglError({
      code: 'invalid_argument',
      message: `The architecture of ${name} has ${parameters} weights; got ${weights.length}.`,
    })
  }
  const inOrder = createOrder()
  let versions: readonly string[] = [firstVersion]
  let engine: Promise<EngineClient> | undefined
  let running: EngineClient | undefined
  let isClosed = false

  const connect = async (): Promise<EngineClient> => {
    if (isClosed) throw new AglError({ code: 'closed', message: 'The embedded model has been closed.' })
    if (engine === undefined)
      throw new AglError({ code: 'closed', message: 'The embedded model is not started: await model.start() first.' })
    return engine
  }
  const assertSaved = (version: string): void => {
    if (versions.includes(version)) return
    throw new AglError({
      code: 'not_found',
      message: `There is no version ${version} of ${name}; there are ${versions.join(', ')}.`,
      data: { version },
    })
  }

  const model: EmbeddedModel = {
    name,
    contextLength,
    tokenizer,
    get versions() {
      return versions
    },
    get isRunning() {
      return running?.isAlive ?? false
    },

    async start({ signal } = {}) {
      signal?.throwIfAborted()
      if (isClosed || engine !== undefined)
        throw new AglError({ code: 'conflict', message: 'The embedded model can be started once only.' })
      engine = startEngine({
        architecture,
        vocabulary: { texts: tokenizer.vocabulary.map((_, id) => tokenizer.textOf(id)), end: tokenizer.special('<end>') },
        weights,
        version: firstVersion,
        limits: { rows: Math.max(rowsPerPass, contextLength, batchSize), slots: batchSize },
      })
      running = await engine
    },

    describe: async () => ({ name, contextLength, vocabularySize, parameters, versions }),

    async forwardBackward(request, { signal } = {}) {
      const checked = checkForwardBackward(request, architecture)
      return inOrder(async () => (await connect()).call('forwardBackward', checked), signal)
    },

    async optimStep(request, { signal } = {}) {
      const checked = checkOptimStep(request)
      return inOrder(async () => (await connect()).call('optimStep', checked), signal)
    },

    async sample(request, { signal, onToken } = {}) {
      const checked = checkSample(request, architecture)
      const version = checked.version ?? versions.at(-1)!
      assertSaved(version)
      const seed = checked.seed ?? Math.floor(random() * 2 ** 32)
      const client = await connect()
      const sampleOne = (index: number): Promise<Sample> =>
        client.call(
          'sample',
          { ...checked, version, seed: deriveSeed(seed, index), stream: onToken !== undefined },
          { ...(signal && { signal }), ...(onToken && { onToken: (token: SampledToken) => onToken(token, index) }) },
        )
      return { version, samples: await Promise.all(Array.from({ length: checked.count }, (_, index) => sampleOne(index))) }
    },

    async saveState(request, { signal } = {}) {
      const version = checkVersion(request)
      return inOrder(async () => {
        if (versions.includes(version)) {
          throw new AglError({
            code: 'conflict',
            message: `Version ${version} of ${name} exists; versions never change.`,
            data: { version },
          })
        }
        await (await connect()).call('saveState', { version })
        versions = [...versions, version]
        return { version, model: `${name}@${version}` }
      }, signal)
    },

    async loadState(request, { signal } = {}) {
      const version = checkVersion(request)
      await inOrder(async () => {
        assertSaved(version)
        await (await connect()).call('loadState', { version })
      }, signal)
    },

    async deleteState(request, { signal } = {}) {
      const version = checkVersion(request)
      await inOrder(async () => {
        assertSaved(version)
        if (versions.length === 1)
          throw new AglError({ code: 'conflict', message: `Version ${version} is the only one left of ${name}.` })
        await (await connect()).call('deleteState', { version })
        versions = versions.filter((candidate) => candidate !== version)
      }, signal)
    },

    async exportState(request, { signal } = {}) {
      const version = checkVersion(request)
      return inOrder(async () => {
        assertSaved(version)
        return { ...checkpoint, weights: await (await connect()).call('exportState', { version }) }
      }, signal)
    },

    encodeChat: (messages) => encodeChat(tokenizer, messages),
    encodeConversation: (messages) => encodeConversation(tokenizer, messages),

    async close() {
      isClosed = true
      // A start that failed has told its caller; there is nothing left to end.
      const client = await engine?.catch(() => undefined)
      await client?.close()
    },

    [Symbol.asyncDispose]: () => model.close(),
  }
  return model
}
