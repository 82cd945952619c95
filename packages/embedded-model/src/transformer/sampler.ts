import { createRandom, type Random } from '../random.ts'
import { findStop, heldBack } from '../stop.ts'
import {
  type Attention,
  attendPacked,
  computeLogits,
  floatOffset,
  forward,
  logProbability,
  type PackedSequence,
} from './forward.ts'
import { floatsAt, integersAt, type Network, parametersOf, refreshHead } from './network.ts'

/** What to sample. Checked by the caller: the prompt leaves room for `maxTokens` tokens. */
export interface GenerationRequest {
  readonly prompt: readonly number[]
  readonly maxTokens: number
  readonly temperature: number
  readonly stop: readonly string[]
  readonly seed: number
}

/** A sampled token, with the text that became certain with it: none while it may be the start of a stop text. */
export interface SampledToken {
  readonly token: number
  readonly logprob: number
  readonly text: string
}

/** One completion in the making. */
export interface Generation {
  readonly request: GenerationRequest
  readonly tokens: readonly number[]
  readonly logprobs: readonly number[]
  readonly text: string
  /** Undefined as long as more tokens will come. */
  readonly finishReason: 'stop' | 'length' | undefined
  readonly last: SampledToken
}

/**
 * Samples many completions at once, each with its own temperature, stop texts and seed. They may join and leave at every
 * step; none can see that there are others (invariant 1 of the kernel).
 */
export interface Sampler {
  readonly freeSlots: number
  readonly active: readonly Generation[]
  /** Chooses the weights that all active generations use. Only while none is active. */
  load(weights: Float32Array): void
  /** Runs the prompts and samples the first token of each. At most `freeSlots` requests. */
  admit(requests: readonly GenerationRequest[]): readonly Generation[]
  /** Samples one more token of every active generation, and returns them. */
  step(): readonly Generation[]
  /** Gives up a generation. */
  drop(generation: Generation): void
}

/** What the sampler must know of the vocabulary. */
export interface SamplerVocabulary {
  /** The text of each token; empty for those that are no text. */
  readonly texts: readonly string[]
  /** The token that ends a message. */
  readonly end: number
}

interface ActiveGeneration extends Generation {
  readonly slot: number
  readonly random: Random
  tokens: number[]
  logprobs: number[]
  text: string
  /** Characters of `text` that have been handed out. */
  shown: number
  finishReason: 'stop' | 'length' | undefined
  last: SampledToken
}

export function createSampler(network: Network, vocabulary: SamplerVocabulary): Sampler {
  const { kernel, served, limits, architecture, logitStride, probabilityStride, headWidth } = network
  const { width, heads, contextLength, vocabularySize } = architecture
  const freeSlots = Array.from({ length: limits.slots }, (_, index) => limits.slots - 1 - index)
  const tokens = integersAt(network, network.tokens, limits.rows)
  const positions = integersAt(network, network.positions, limits.rows)
  const normed = floatsAt(network, network.outputNormed, limits.rows * width)
  const logits = floatsAt(network, network.logits, limits.rows * logitStride)
  const bytes = new Uint8Array(network.buffer)
  const cacheRow = 2 * width
  const cacheRowBytes = cacheRow * Float32Array.BYTES_PER_ELEMENT
  let active: ActiveGeneration[] = []

  /** Copies key and value of a row into the cache of a slot. */
  const remember = (cache: number, slot: number, position: number, projections: number, row: number): void => {
    const source = floatOffset(projections, row * 3 * width + width)
    bytes.copyWithin(floatOffset(cache, (slot * contextLength + position) * cacheRow), source, source + cacheRowBytes)
  }

  /** Attention over prompts, whose keys and values go into the cache. */
  const attendPrompts = (sequences: readonly PackedSequence[], slots: readonly number[]): Attention => {
    const attend = attendPacked(network, sequences)
    return (layer) => {
      attend(layer)
      sequences.forEach(({ start, length }, index) => {
        for (let position = 0; position < length; position++) {
          remember(layer.cache, slots[index]!, position, layer.projections, start + position)
        }
      })
    }
  }

  /** Attention of one new token per generation over what the cache holds of it. */
  const attendCached: Attention = ({ projections, cache, probabilities, attended }) => {
    active.forEach(({ slot }, row) => {
      const position = positions[row]!
      remember(cache, slot, position, projections, row)
      kernel.attend(
        floatOffset(projections, row * 3 * width),
        3 * width,
        1,
        position,
        floatOffset(cache, slot * contextLength * cacheRow),
        cacheRow,
        heads,
        headWidth,
        floatOffset(probabilities, row * heads * probabilityStride),
        probabilityStride,
        floatOffset(attended, row * width),
      )
    })
  }

  /** Draws a token for each generation from the rows of `outputNormed`, in order. */
  const draw = (generations: readonly ActiveGeneration[]): void => {
    computeLogits(network, served, generations.length)
    generations.forEach((generation, row) => {
      const { temperature } = generation.request
      const scale = temperature === 0 ? 1 : 1 / temperature
      const rowLogits = logits.subarray(row * logitStride, row * logitStride + vocabularySize)
      const raw = rowLogits.slice()
      const at = floatOffset(network.logits, row * logitStride)
      kernel.softmax(at, logitStride, vocabularySize, 1, scale, floatOffset(network.normalizers, 2 * row))
      const token = temperature === 0 ? greatestOf(raw) : drawFrom(rowLogits, generation.random())
      append(generation, vocabulary, token, logProbability(network, row, raw[token]!, scale))
    })
  }

  const prefill = (generations: readonly ActiveGeneration[]): void => {
    let row = 0
    const sequences = generations.map(({ request }) => {
      const start = row
      request.prompt.forEach((token, position) => {
        tokens[row] = token
        positions[row++] = position
      })
      return { start, length: request.prompt.length }
    })
    forward(
      network,
      served,
      row,
      attendPrompts(
        sequences,
        generations.map(({ slot }) => slot),
      ),
    )
    // Only the last row of a prompt predicts something new; it never moves down, so no row is overwritten before it is read.
    sequences.forEach(({ start, length }, index) => {
      const last = (start + length - 1) * width
      normed.copyWithin(index * width, last, last + width)
    })
    draw(generations)
  }

  const release = (generation: ActiveGeneration): void => void freeSlots.push(generation.slot)
  const releaseFinished = (): void => {
    active.filter(isFinished).forEach(release)
    active = active.filter((generation) => !isFinished(generation))
  }

  return {
    get freeSlots() {
      return freeSlots.length
    },
    get active() {
      return active
    },

    load(weights) {
      parametersOf(network, served).set(weights)
      refreshHead(network, served)
    },

    admit(requests) {
      const admitted = requests.map((request) => createGeneration(request, freeSlots.pop()!))
      for (const batch of promptBatches(admitted, limits.rows)) prefill(batch)
      active.push(...admitted)
      releaseFinished()
      return admitted
    },

    step() {
      const stepped = active
      stepped.forEach(({ request, tokens: sampled, last }, row) => {
        tokens[row] = last.token
        positions[row] = request.prompt.length + sampled.length - 1
      })
      forward(network, served, stepped.length, attendCached)
      draw(stepped)
      releaseFinished()
      return stepped
    },

    drop(generation) {
      const found = active.find((candidate) => candidate === generation)
      if (found === undefined) return
      release(found)
      active = active.filter((candidate) => candidate !== found)
    },
  }
}

function createGeneration(request: GenerationRequest, slot: number): ActiveGeneration {
  return {
    request,
    slot,
    random: createRandom(request.seed),
    tokens: [],
    logprobs: [],
    text: '',
    shown: 0,
    finishReason: undefined,
    last: { token: 0, logprob: 0, text: '' },
  }
}

function isFinished(generation: Generation): boolean {
  return generation.finishReason !== undefined
}

function append(generation: ActiveGeneration, vocabulary: SamplerVocabulary, token: number, logprob: number): void {
  const { stop, maxTokens } = generation.request
  generation.tokens.push(token)
  generation.logprobs.push(logprob)
  generation.text += vocabulary.texts[token]!
  const stopAt = findStop(generation.text, stop)
  if (stopAt >= 0) generation.text = generation.text.slice(0, stopAt)
  if (token === vocabulary.end || stopAt >= 0) generation.finishReason = 'stop'
  else if (generation.tokens.length === maxTokens) generation.finishReason = 'length'

  const certain = isFinished(generation) ? generation.text.length : generation.text.length - heldBack(generation.text, stop)
  generation.last = { token, logprob, text: generation.text.slice(generation.shown, certain) }
  generation.shown = Math.max(generation.shown, certain)
}

/** Cuts generations, in order, into passes whose prompts fit the rows. */
function* promptBatches(generations: readonly ActiveGeneration[], limit: number): Generator<readonly ActiveGeneration[]> {
  let batch: ActiveGeneration[] = []
  let rows = 0
  for (const generation of generations) {
    const length = generation.request.prompt.length
    if (rows + length > limit) {
      yield batch
      batch = []
      rows = 0
    }
    batch.push(generation)
    rows += length
  }
  if (batch.length > 0) yield batch
}

function greatestOf(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}

/** The index at which the running sum of the probabilities passes `uniform`. */
function drawFrom(probabilities: Float32Array, uniform: number): number {
  let rest = uniform
  for (let i = 0; i < probabilities.length; i++) {
    rest -= probabilities[i]!
    if (rest < 0) return i
  }
  // Rounding left a crumb: the probabilities summed to slightly less than 1. The likeliest token is never impossible.
  return greatestOf(probabilities)
}
