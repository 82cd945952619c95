import type { Pointer } from '../kernel/kernel.ts'
import { floatsAt, type LayerBuffers, type Network, type WeightSet } from './network.ts'

/** Fills `attended` of a layer from its `projections`: over whole sequences in training, over the cache in sampling. */
export type Attention = (buffers: LayerBuffers) => void

/** Sequences packed behind each other: no padding. */
export interface PackedSequence {
  /** First row in the pass. */
  readonly start: number
  readonly length: number
}

/** Runs `count` rows, whose tokens and positions the caller has written, up to `outputNormed`. */
export function forward(network: Network, weights: WeightSet, count: number, attention: Attention): void {
  const { kernel, architecture, offsets, layers, headWidth } = network
  const { width, heads, hiddenWidth } = architecture
  const at = weights.parameters
  const bytes = new Uint8Array(network.buffer)
  const rowBytes = count * width * Float32Array.BYTES_PER_ELEMENT

  kernel.gather(at + network.embeddingOffset, network.tokens, count, width, layers[0]!.input)
  layers.forEach((layer, index) => {
    const offset = offsets[index]!
    const next = layers[index + 1]?.input ?? network.output

    kernel.normalize(layer.input, at + offset.attentionNorm, layer.attentionNormed, layer.attentionInverse, count, width)
    project(network, layer.attentionNormed, width, at + offset.attentionInput, 3 * width, layer.projections, count)
    kernel.rotate(layer.projections, 3 * width, network.positions, count, 2 * heads, headWidth, network.cosines, network.sines, 1)
    attention(layer)
    bytes.copyWithin(layer.middle, layer.input, layer.input + rowBytes)
    project(network, layer.attended, width, at + offset.attentionOutput, width, layer.middle, count, true)

    kernel.normalize(layer.middle, at + offset.feedforwardNorm, layer.feedforwardNormed, layer.feedforwardInverse, count, width)
    project(network, layer.feedforwardNormed, width, at + offset.feedforwardInput, hiddenWidth, layer.hidden, count)
    kernel.relu(layer.hidden, count * hiddenWidth)
    bytes.copyWithin(next, layer.middle, layer.middle + rowBytes)
    project(network, layer.hidden, hiddenWidth, at + offset.feedforwardOutput, width, next, count, true)
  })
  kernel.normalize(network.output, at + network.normOffset, network.outputNormed, network.outputInverse, count, width)
}

/** Logits of the first `count` rows of `outputNormed`. */
export function computeLogits(network: Network, weights: WeightSet, count: number): void {
  project(network, network.outputNormed, network.architecture.width, weights.head, network.logitStride, network.logits, count)
}

/** Causal attention inside each packed sequence. */
export function attendPacked(network: Network, sequences: readonly PackedSequence[]): Attention {
  const { kernel, architecture, headWidth, probabilityStride } = network
  const { width, heads } = architecture
  return ({ projections, probabilities, attended }) => {
    for (const { start, length } of sequences) {
      const rows = floatOffset(projections, start * 3 * width)
      kernel.attend(
        rows,
        3 * width,
        length,
        0,
        floatOffset(rows, width),
        3 * width,
        heads,
        headWidth,
        floatOffset(probabilities, start * heads * probabilityStride),
        probabilityStride,
        floatOffset(attended, start * width),
      )
    }
  }
}

/** ln p of `token` in row `row`, whose logits `softmax` at `scale` is about to replace: call with the logit read before. */
export function logProbability(network: Network, row: number, logit: number, scale: number): number {
  const [greatest = 0, sum = 1] = floatsAt(network, floatOffset(network.normalizers, 2 * row), 2)
  return Math.fround(logit * scale) - greatest - Math.log(sum)
}

export function floatOffset(pointer: Pointer, elements: number): Pointer {
  return pointer + elements * Float32Array.BYTES_PER_ELEMENT
}

function project(
  network: Network,
  input: Pointer,
  inputs: number,
  matrix: Pointer,
  outputs: number,
  output: Pointer,
  count: number,
  accumulate = false,
): void {
  network.kernel.matmul(input, inputs, 1, matrix, outputs, output, outputs, count, outputs, inputs, accumulate)
}
