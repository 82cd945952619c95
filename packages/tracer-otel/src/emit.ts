import type { RewardOptions, RewardValue } from '@agl/types'
import { requireAttempt } from './attribution.ts'

/**
 * Records a reward for the rollout that the calling code belongs to.
 * @throws AglError `conflict` outside a rollout; `invalid_argument` for a value that is not finite, or named dimensions without a primary one
 */
export function emitReward(value: RewardValue, options?: RewardOptions): void {
  requireAttempt('emitReward').emit.reward(value, options)
}
