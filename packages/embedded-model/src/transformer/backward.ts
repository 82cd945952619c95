import type { Pointer } from '../kernel/kernel.ts'
import { floatOffset, type PackedSequence } from './forward.ts'
import { floatsAt, type Network } from './network.ts'

/**
 * Adds the gradient of the training weights, given ∂loss/∂logits in `logits` (in place of what `computeLogits` wrote) and
 * the buffers that `forward` left for the same `count` rows.
 */
export function backward(network: Network, sequences: readonly PackedSequence[], count: number): void {
  const { kernel, architecture, training, gradient, residualGradient, blockGradient, hiddenGradient, projectionGradient } =
    network
  const { vocabularySize, width, heads, hiddenWidth } = architecture
  const at = training.parameters
  const clear = (pointer: Pointer, elements: number): void => void floatsAt(network, pointer, elements).fill(0)

  // logits = outputNormed · embeddingᵀ
  const embedding = gradient + network.embeddingOffset
  addOuter(network, network.logits, network.logitStride, vocabularySize, network.outputNormed, width, embedding, count)
  kernel.matmul(
    network.logits,
    network.logitStride,
    1,
    at + network.embeddingOffset,
    width,
    blockGradient,
    width,
    count,
    width,
    vocabularySize,
    false,
  )
  clear(residualGradient, count * width)
  normalizeBackward(network, network.output, network.normOffset, network.outputInverse, count)

  for (let index = network.layers.length - 1; index >= 0; index--) {
    const layer = network.layers[index]!
    const offset = network.offsets[index]!

    // next = middle + relu(normed · input) · output
    addOuter(network, layer.hidden, hiddenWidth, hiddenWidth, residualGradient, width, gradient + offset.feedforwardOutput, count)
    projectBack(network, residualGradient, width, at + offset.feedforwardOutput, hiddenWidth, hiddenGradient, count)
    kernel.reluBackward(layer.hidden, hiddenGradient, count * hiddenWidth)
    addOuter(
      network,
      layer.feedforwardNormed,
      width,
      width,
      hiddenGradient,
      hiddenWidth,
      gradient + offset.feedforwardInput,
      count,
    )
    projectBack(network, hiddenGradient, hiddenWidth, at + offset.feedforwardInput, width, blockGradient, count)
    normalizeBackward(network, layer.middle, offset.feedforwardNorm, layer.feedforwardInverse, count)

    // middle = input + attend(rotate(normed · input)) · output
    addOuter(network, layer.attended, width, width, residualGradient, width, gradient + offset.attentionOutput, count)
    projectBack(network, residualGradient, width, at + offset.attentionOutput, width, blockGradient, count)
    clear(projectionGradient, count * 3 * width)
    for (const { start, length } of sequences) {
      kernel.attendBackward(
        floatOffset(layer.projections, start * 3 * width),
        floatOffset(projectionGradient, start * 3 * width),
        length,
        heads,
        network.headWidth,
        floatOffset(layer.probabilities, start * heads * network.probabilityStride),
        network.probabilityStride,
        floatOffset(blockGradient, start * width),
        network.scratch,
      )
    }
    kernel.rotate(
      projectionGradient,
      3 * width,
      network.positions,
      count,
      2 * heads,
      network.headWidth,
      network.cosines,
      network.sines,
      -1,
    )
    addOuter(network, layer.attentionNormed, width, width, projectionGradient, 3 * width, gradient + offset.attentionInput, count)
    projectBack(network, projectionGradient, 3 * width, at + offset.attentionInput, width, blockGradient, count)
    normalizeBackward(network, layer.input, offset.attentionNorm, layer.attentionInverse, count)
  }
  kernel.scatterAdd(embedding, network.tokens, count, width, residualGradient)
}

/** Gradient of a matrix: target [inputs × outputs] += inputᵀ · outputGradient. */
function addOuter(
  network: Network,
  input: Pointer,
  inputRow: number,
  inputs: number,
  outputGradient: Pointer,
  outputs: number,
  target: Pointer,
  count: number,
): void {
  network.kernel.matmul(input, 1, inputRow, outputGradient, outputs, target, outputs, inputs, outputs, count, true)
}

/** Gradient of a matrix's input: target = outputGradient · matrixᵀ, with matrix [inputs × outputs]. */
function projectBack(
  network: Network,
  outputGradient: Pointer,
  outputs: number,
  matrix: Pointer,
  inputs: number,
  target: Pointer,
  count: number,
): void {
  const { kernel, transposed } = network
  kernel.transpose(matrix, transposed, inputs, outputs, inputs)
  kernel.matmul(outputGradient, outputs, 1, transposed, inputs, target, inputs, count, inputs, outputs, false)
}

/** Adds what flows through a norm, from `blockGradient`, to `residualGradient`. */
function normalizeBackward(network: Network, input: Pointer, gainOffset: number, inverse: Pointer, count: number): void {
  network.kernel.normalizeBackward(
    network.blockGradient,
    input,
    network.training.parameters + gainOffset,
    inverse,
    network.gradient + gainOffset,
    network.residualGradient,
    count,
    network.architecture.width,
  )
}
