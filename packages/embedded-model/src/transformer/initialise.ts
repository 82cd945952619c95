import { createNormal, deriveSeed } from '../random.ts'
import { type Architecture, countParameters, parameterLayout } from './architecture.ts'

/**
 * Random weights. Matrices that read the residual stream get variance 1/inputs; those that write to it are scaled down
 * by √(2·layers), so that the sum of all blocks starts at the size of one (GPT-2); gains start at 1.
 */
export function initialWeights(architecture: Architecture, seed: number): Float32Array {
  const weights = new Float32Array(countParameters(architecture))
  parameterLayout(architecture).forEach(({ name, shape, offset, size }, index) => {
    const block = weights.subarray(offset, offset + size)
    if (shape.length === 1) {
      block.fill(1)
      return
    }
    const normal = createNormal(deriveSeed(seed, index + 1))
    const deviation = deviationOf(name, shape[0] ?? 1, architecture.layers)
    for (let i = 0; i < size; i++) block[i] = normal() * deviation
  })
  return weights
}

function deviationOf(name: string, inputs: number, layers: number): number {
  if (name === 'embedding') return 0.05
  if (name.endsWith('.output')) return 0.5 / Math.sqrt(2 * layers * inputs)
  return 1 / Math.sqrt(inputs)
}
