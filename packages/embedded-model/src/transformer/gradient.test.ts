import type { LossFunction, TrainingDatum } from '@agl/types'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { parameterLayout } from './architecture.ts'
import { initialWeights } from './initialise.ts'
import { createLearner } from './learner.ts'
import { createNetwork, floatsAt, parametersOf, refreshHead } from './network.ts'

// A vocabulary that fills no vector and sequences that fill no block: the edges are part of what is checked.
const architecture = { vocabularySize: 21, width: 16, layers: 2, heads: 2, hiddenWidth: 24, contextLength: 11 }
const sequences = [
  [1, 2, 3, 4, 5, 20, 7],
  [6, 7, 8],
  [9, 1, 9, 1, 2, 2, 2, 0, 4, 11, 12],
]
const clip = { clipLow: 0.2, clipHigh: 0.2 }
// The smallest row budget there is: every sequence makes a pass of its own.
const network = createNetwork(architecture, { rows: 11, slots: 1 })
const learner = createLearner(network)
const parameters = parametersOf(network, network.training)
const gradient = floatsAt(network, network.gradient, network.parameterCount)

/** Data whose advantages have both signs and whose ratios p/q lie inside and outside of the clip range, none at its edge. */
function dataFor(loss: LossFunction): readonly TrainingDatum[] {
  const plain = sequences.map((tokens) => ({ tokens, weights: tokens.map(() => 0) }))
  const { logprobs } = learner.forwardBackward(plain, { kind: 'cross_entropy', ...clip })
  const factors = [1, 0.5, 0, -0.7, 2]
  const shifts = [0.5, -0.05, 0.05, -0.5]
  return sequences.map((tokens, index) => {
    const values = tokens.map((_, i) => factors[(i + index) % factors.length]!)
    if (loss === 'cross_entropy') return { tokens, weights: values }
    return { tokens, advantages: values, logprobs: logprobs[index]!.map((value, i) => value + shifts[i % shifts.length]!) }
  })
}

describe.each(['cross_entropy', 'importance_sampling', 'ppo'] as const)('%s', (kind) => {
  it.each(parameterLayout(architecture).map(({ name, offset, size }) => ({ name, offset, size })))(
    'has the gradient of finite differences by $name',
    ({ offset, size }) => {
      learner.load(initialWeights(architecture, 5))
      const data = dataFor(kind)
      gradient.fill(0)
      learner.forwardBackward(data, { kind, ...clip })
      const exact = gradient.slice(offset, offset + size)
      const start = parameters.slice(offset, offset + size)
      const lossAt = (direction: readonly number[], distance: number): number => {
        direction.forEach((value, i) => (parameters[offset + i] = start[i]! + value * distance))
        refreshHead(network, network.training)
        return learner.forwardBackward(data, { kind, ...clip }).loss
      }

      const norm = Math.sqrt(exact.reduce((sum, value) => sum + value * value, 0))
      expect(norm).toBeGreaterThan(0.01)
      // Along a random direction of signs every entry counts. Now and then one crosses the kink of a ReLU, hence the median.
      const random = createRandom(offset)
      const distance = 3e-4 / Math.sqrt(size)
      const errors = Array.from({ length: 15 }, () => {
        const direction = Array.from({ length: size }, () => (random() < 0.5 ? -1 : 1))
        const numeric = (lossAt(direction, distance) - lossAt(direction, -distance)) / (2 * distance)
        const analytic = exact.reduce((sum, value, i) => sum + value * direction[i]!, 0)
        return Math.abs(numeric - analytic) / norm
      })
      expect(errors.toSorted((one, two) => one - two)[7]).toBeLessThan(0.01)
    },
  )
})
