/** The shape of a decoder-only transformer: RMSNorm before each block, rotary positions, ReLU, tied embedding, no biases. */
export interface Architecture {
  readonly vocabularySize: number
  /** Width of the residual stream. */
  readonly width: number
  readonly layers: number
  /** `width / heads` is a multiple of 8: the kernel works on vectors. */
  readonly heads: number
  /** Width of the feed-forward layer, a multiple of 8. */
  readonly hiddenWidth: number
  /** Longest sequence, prompt and completion together. */
  readonly contextLength: number
}

/** One tensor. All of them lie behind each other in one block of floats. */
export interface Parameter {
  readonly name: string
  readonly shape: readonly number[]
  /** In elements, from the start of the block. */
  readonly offset: number
  readonly size: number
}

/** Every tensor of the network, in the order of the block. Matrices are [inputs, outputs]: a row vector times the matrix. */
export function parameterLayout(architecture: Architecture): readonly Parameter[] {
  const { vocabularySize, width, layers, hiddenWidth } = architecture
  const shapes: [name: string, shape: number[]][] = [['embedding', [vocabularySize, width]]]
  for (let layer = 0; layer < layers; layer++) {
    shapes.push(
      [`layers.${layer}.attention.norm`, [width]],
      [`layers.${layer}.attention.input`, [width, 3 * width]],
      [`layers.${layer}.attention.output`, [width, width]],
      [`layers.${layer}.feedforward.norm`, [width]],
      [`layers.${layer}.feedforward.input`, [width, hiddenWidth]],
      [`layers.${layer}.feedforward.output`, [hiddenWidth, width]],
    )
  }
  shapes.push(['norm', [width]])

  let offset = 0
  return shapes.map(([name, shape]) => {
    const size = shape.reduce((product, length) => product * length, 1)
    const parameter = { name, shape, offset, size }
    offset += size
    return parameter
  })
}

export function countParameters(architecture: Architecture): number {
  return parameterLayout(architecture).reduce((sum, parameter) => sum + parameter.size, 0)
}
