import type { ForwardBackwardResult, OptimStepResult, TrainingDatum } from '@agl/types'
import { EngineError } from '../engine-error.ts'
import { backward } from './backward.ts'
import { attendPacked, computeLogits, forward, logProbability, type PackedSequence } from './forward.ts'
import { type Loss, importance, tokenLoss } from './loss.ts'
import { floatsAt, integersAt, type Network, parametersOf, refreshHead } from './network.ts'

/** One step of Adam with every option resolved. */
export interface OptimStep {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  readonly maxGradientNorm: number | null
  readonly resetMoments: boolean
}

/** Trains the network's training weights. Requests have been checked by the caller. */
export interface Learner {
  forwardBackward(data: readonly TrainingDatum[], loss: Loss): ForwardBackwardResult
  /** @throws EngineError `training_failed` when the gradient is not finite; the weights stay as they were. */
  optimStep(step: OptimStep): OptimStepResult
  /** A copy of the training weights. */
  weights(): Float32Array
  /** Replaces the training weights; forgets gradients and moments. */
  load(weights: Float32Array): void
}

export function createLearner(network: Network): Learner {
  const { kernel, parameterCount } = network
  const gradient = floatsAt(network, network.gradient, parameterCount)
  const firstMoment = floatsAt(network, network.firstMoment, parameterCount)
  const secondMoment = floatsAt(network, network.secondMoment, parameterCount)
  const parameters = parametersOf(network, network.training)
  let steps = 0

  const forgetMoments = (): void => {
    firstMoment.fill(0)
    secondMoment.fill(0)
    steps = 0
  }

  return {
    forwardBackward(data, loss) {
      const total = { loss: 0, tokens: 0 }
      const logprobs: number[][] = []
      for (const batch of microBatches(data, network.limits.rows)) {
        for (const datum of accumulate(network, batch, loss, total)) logprobs.push(datum)
      }
      return { ...total, logprobs }
    },

    optimStep({ learningRate, beta1, beta2, epsilon, weightDecay, maxGradientNorm, resetMoments }) {
      let squares = 0
      for (const value of gradient) squares += value * value
      const gradientNorm = Math.sqrt(squares)
      if (!Number.isFinite(gradientNorm)) {
        gradient.fill(0)
        throw new EngineError(
          'training_failed',
          'The gradient is not finite; it was dropped and the weights stay as they were. Lower the learning rate.',
        )
      }
      if (resetMoments) forgetMoments()
      steps += 1
      const scale = maxGradientNorm !== null && gradientNorm > maxGradientNorm ? maxGradientNorm / gradientNorm : 1
      kernel.adam(
        network.training.parameters,
        network.gradient,
        network.firstMoment,
        network.secondMoment,
        parameterCount,
        learningRate,
        beta1,
        beta2,
        epsilon,
        1 / (1 - beta1 ** steps),
        1 / (1 - beta2 ** steps),
        weightDecay,
        scale,
      )
      refreshHead(network, network.training)
      return { step: steps, gradientNorm }
    },

    weights: () => parameters.slice(),

    load(weights) {
      parameters.set(weights)
      refreshHead(network, network.training)
      gradient.fill(0)
      forgetMoments()
    },
  }
}

/** A sequence of n tokens takes n − 1 rows: nothing is predicted from its last token. */
function rowsOf(datum: TrainingDatum): number {
  return datum.tokens.length - 1
}

/** Cuts the data, in order, into passes of at most `limit` rows. */
function* microBatches(data: readonly TrainingDatum[], limit: number): Generator<readonly TrainingDatum[]> {
  let batch: TrainingDatum[] = []
  let rows = 0
  for (const datum of data) {
    if (rows + rowsOf(datum) > limit) {
      yield batch
      batch = []
      rows = 0
    }
    batch.push(datum)
    rows += rowsOf(datum)
  }
  if (batch.length > 0) yield batch
}

/** One pass: adds to the gradients and to `total`, and returns the log-probabilities of each datum. */
function accumulate(
  network: Network,
  batch: readonly TrainingDatum[],
  loss: Loss,
  total: { loss: number; tokens: number },
): number[][] {
  const { kernel, architecture, logitStride } = network
  const { vocabularySize } = architecture
  const sequences = pack(network, batch)
  const rows = batch.reduce((sum, datum) => sum + rowsOf(datum), 0)
  forward(network, network.training, rows, attendPacked(network, sequences))
  computeLogits(network, network.training, rows)

  const logits = floatsAt(network, network.logits, rows * logitStride)
  const targets = batch.flatMap((datum) => datum.tokens.slice(1))
  const targetLogits = targets.map((token, row) => logits[row * logitStride + token]!)
  kernel.softmax(network.logits, logitStride, vocabularySize, rows, 1, network.normalizers)

  const logprobs = batch.map((datum, index) => {
    const { start } = sequences[index]!
    return datum.tokens.map((token, position) => {
      if (position === 0) return 0
      const row = start + position - 1
      const logprob = logProbability(network, row, targetLogits[row]!, 1)
      const { loss: value, slope } = tokenLoss(loss, datum, position, logprob)
      total.loss += value
      if (importance(loss.kind, datum, position) !== 0) total.tokens += 1
      // ∂loss/∂logits = slope · (probabilities − one-hot), written over the probabilities.
      const gradient = logits.subarray(row * logitStride, row * logitStride + vocabularySize)
      for (let j = 0; j < vocabularySize; j++) gradient[j]! *= slope
      gradient[token]! -= slope
      return logprob
    })
  })
  backward(network, sequences, rows)
  return logprobs
}

/** Writes tokens and positions of the rows behind each other. */
function pack(network: Network, batch: readonly TrainingDatum[]): PackedSequence[] {
  const tokens = integersAt(network, network.tokens, network.limits.rows)
  const positions = integersAt(network, network.positions, network.limits.rows)
  let row = 0
  return batch.map((datum) => {
    const start = row
    const length = rowsOf(datum)
    for (let position = 0; position < length; position++, row++) {
      tokens[row] = datum.tokens[position]!
      positions[row] = position
    }
    return { start, length }
  })
}
