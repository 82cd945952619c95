import { createKernel, type Kernel, type Pointer } from '../kernel/kernel.ts'
import { type Architecture, countParameters, parameterLayout } from './architecture.ts'

/** One block of parameters, with the embedding transposed beside it: the output layer reads it that way. */
export interface WeightSet {
  readonly parameters: Pointer
  readonly head: Pointer
}

/** Offsets of a layer's tensors, in bytes from the start of a block of parameters or gradients. */
export interface LayerOffsets {
  readonly attentionNorm: number
  readonly attentionInput: number
  readonly attentionOutput: number
  readonly feedforwardNorm: number
  readonly feedforwardInput: number
  readonly feedforwardOutput: number
}

/** What the forward pass of a layer leaves behind for the backward pass, one row per token. */
export interface LayerBuffers {
  readonly input: Pointer
  readonly attentionNormed: Pointer
  readonly attentionInverse: Pointer
  /** Query, key and value of each row. */
  readonly projections: Pointer
  readonly probabilities: Pointer
  readonly attended: Pointer
  readonly middle: Pointer
  readonly feedforwardNormed: Pointer
  readonly feedforwardInverse: Pointer
  readonly hidden: Pointer
  /** Keys and values of the sequences being sampled: [slot, position, key | value]. */
  readonly cache: Pointer
}

/** How much work fits at once. Both bound the memory, which is allocated once. */
export interface NetworkLimits {
  /** Tokens of one pass; at least the context length. */
  readonly rows: number
  /** Sequences sampled at the same time. */
  readonly slots: number
}

/** The transformer's memory, laid out once. Every pointer is a byte offset into `buffer`. */
export interface Network {
  readonly architecture: Architecture
  readonly limits: NetworkLimits
  readonly kernel: Kernel
  readonly buffer: ArrayBuffer
  readonly parameterCount: number
  readonly headWidth: number
  /** Vocabulary size and context length, rounded up to whole vectors. */
  readonly logitStride: number
  readonly probabilityStride: number
  readonly offsets: readonly LayerOffsets[]
  readonly embeddingOffset: number
  readonly normOffset: number

  /** The weights being trained, and a copy of the version being sampled from. */
  readonly training: WeightSet
  readonly served: WeightSet
  readonly gradient: Pointer
  readonly firstMoment: Pointer
  readonly secondMoment: Pointer

  readonly layers: readonly LayerBuffers[]
  readonly tokens: Pointer
  readonly positions: Pointer
  readonly cosines: Pointer
  readonly sines: Pointer
  readonly output: Pointer
  readonly outputNormed: Pointer
  readonly outputInverse: Pointer
  readonly logits: Pointer
  readonly normalizers: Pointer

  /** Gradients of the residual stream, of the block below, of the projections and of the hidden layer; transposed weights. */
  readonly residualGradient: Pointer
  readonly blockGradient: Pointer
  readonly projectionGradient: Pointer
  readonly hiddenGradient: Pointer
  readonly transposed: Pointer
  readonly scratch: Pointer
}

/** Frequencies of the rotary positions start at 1 and end near 1/base; 1000 suits contexts of a few hundred tokens. */
const rotaryBase = 1000
const bytesPerFloat = 4

export function createNetwork(architecture: Architecture, limits: NetworkLimits): Network {
  const { vocabularySize, width, layers, heads, hiddenWidth, contextLength } = architecture
  const { rows, slots } = limits
  const layout = new Map(parameterLayout(architecture).map(({ name, offset }) => [name, offset * bytesPerFloat]))
  const offsetOf = (name: string): number => layout.get(name)!
  const parameterCount = countParameters(architecture)
  const headWidth = width / heads
  const logitStride = roundUp(vocabularySize)
  const probabilityStride = roundUp(contextLength)
  const widest = Math.max(hiddenWidth, 3 * width, logitStride)

  // Below the first kilobyte the compiler may keep data of its own.
  let end: Pointer = 1024
  const allocate = (count: number): Pointer => {
    const start = end
    end += roundUp(count) * bytesPerFloat
    return start
  }
  const allocateWeights = (): WeightSet => ({ parameters: allocate(parameterCount), head: allocate(width * logitStride) })

  const pointers = {
    training: allocateWeights(),
    served: allocateWeights(),
    gradient: allocate(parameterCount),
    firstMoment: allocate(parameterCount),
    secondMoment: allocate(parameterCount),
    layers: Array.from({ length: layers }, () => ({
      input: allocate(rows * width),
      attentionNormed: allocate(rows * width),
      attentionInverse: allocate(rows),
      projections: allocate(rows * 3 * width),
      probabilities: allocate(rows * heads * probabilityStride),
      attended: allocate(rows * width),
      middle: allocate(rows * width),
      feedforwardNormed: allocate(rows * width),
      feedforwardInverse: allocate(rows),
      hidden: allocate(rows * hiddenWidth),
      cache: allocate(slots * contextLength * 2 * width),
    })),
    tokens: allocate(rows),
    positions: allocate(rows),
    cosines: allocate((contextLength * headWidth) / 2),
    sines: allocate((contextLength * headWidth) / 2),
    output: allocate(rows * width),
    outputNormed: allocate(rows * width),
    outputInverse: allocate(rows),
    logits: allocate(rows * logitStride),
    normalizers: allocate(rows * 2),
    residualGradient: allocate(rows * width),
    blockGradient: allocate(rows * width),
    projectionGradient: allocate(rows * 3 * width),
    hiddenGradient: allocate(rows * hiddenWidth),
    transposed: allocate(width * widest),
    scratch: allocate(probabilityStride),
  }

  const { kernel, buffer } = createKernel(end)
  fillRotation(new Float32Array(buffer), pointers, contextLength, headWidth)
  return {
    ...pointers,
    architecture,
    limits,
    kernel,
    buffer,
    parameterCount,
    headWidth,
    logitStride,
    probabilityStride,
    embeddingOffset: offsetOf('embedding'),
    normOffset: offsetOf('norm'),
    offsets: pointers.layers.map((_, layer) => ({
      attentionNorm: offsetOf(`layers.${layer}.attention.norm`),
      attentionInput: offsetOf(`layers.${layer}.attention.input`),
      attentionOutput: offsetOf(`layers.${layer}.attention.output`),
      feedforwardNorm: offsetOf(`layers.${layer}.feedforward.norm`),
      feedforwardInput: offsetOf(`layers.${layer}.feedforward.input`),
      feedforwardOutput: offsetOf(`layers.${layer}.feedforward.output`),
    })),
  }
}

/** A window on `count` floats of the network's memory: no copy. */
export function floatsAt(network: Network, pointer: Pointer, count: number): Float32Array {
  return new Float32Array(network.buffer, pointer, count)
}

/** A window on `count` integers of the network's memory: no copy. */
export function integersAt(network: Network, pointer: Pointer, count: number): Int32Array {
  return new Int32Array(network.buffer, pointer, count)
}

/** A window on the parameters of a weight set: no copy. */
export function parametersOf(network: Network, weights: WeightSet): Float32Array {
  return floatsAt(network, weights.parameters, network.parameterCount)
}

/** To be called after every change of a weight set's parameters. */
export function refreshHead(network: Network, weights: WeightSet): void {
  const { vocabularySize, width } = network.architecture
  network.kernel.transpose(weights.parameters + network.embeddingOffset, weights.head, vocabularySize, width, network.logitStride)
}

function fillRotation(
  floats: Float32Array,
  at: { readonly cosines: Pointer; readonly sines: Pointer },
  contextLength: number,
  headWidth: number,
): void {
  const half = headWidth / 2
  for (let position = 0; position < contextLength; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position / rotaryBase ** (i / half)
      floats[at.cosines / bytesPerFloat + position * half + i] = Math.cos(angle)
      floats[at.sines / bytesPerFloat + position * half + i] = Math.sin(angle)
    }
  }
}

function roundUp(count: number): number {
  return Math.ceil(count / 8) * 8
}
