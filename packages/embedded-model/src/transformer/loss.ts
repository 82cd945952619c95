import type { LossFunction, TrainingDatum } from '@agl/types'

/** A loss with its options resolved. */
export interface Loss {
  readonly kind: LossFunction
  readonly clipLow: number
  readonly clipHigh: number
}

/** Of one token: its loss, and the derivative of that by the token's negative log-probability. */
export interface TokenLoss {
  readonly loss: number
  readonly slope: number
}

const none: TokenLoss = Object.freeze({ loss: 0, slope: 0 })

/** The weight or advantage that makes a token count. */
export function importance(kind: LossFunction, datum: TrainingDatum, index: number): number {
  return (kind === 'cross_entropy' ? datum.weights : datum.advantages)?.[index] ?? 0
}

/** Loss of token `index`, whose log-probability under the training weights is `logprob`; formulas at {@link LossFunction}. */
export function tokenLoss({ kind, clipLow, clipHigh }: Loss, datum: TrainingDatum, index: number, logprob: number): TokenLoss {
  const factor = importance(kind, datum, index)
  if (factor === 0) return none
  if (kind === 'cross_entropy') return { loss: -factor * logprob, slope: factor }

  const ratio = Math.exp(logprob - (datum.logprobs?.[index] ?? 0))
  const objective = ratio * factor
  if (kind === 'ppo') {
    const clipped = Math.min(Math.max(ratio, 1 - clipLow), 1 + clipHigh) * factor
    if (clipped < objective) return { loss: -clipped, slope: 0 }
  }
  return { loss: -objective, slope: objective }
}
