import type { ApoOptions } from '@agl/algorithms'
import type { Task } from '@agl/simulated-world'
import { referenceSettings } from './contest.ts'

const {
  beam_width: beamWidth,
  branch_factor: branchFactor,
  val_batch_size: valBatchSize,
  gradient_batch_size: gradientBatchSize,
} = referenceSettings.example

/** Ours in the contest: the reference's own settings, and as many rounds as its number of rollouts allows. */
export function contestOptions(mode: 'beam' | 'pareto', rollouts: number, seed: number): Partial<ApoOptions<Task>> {
  return {
    mode,
    beamWidth,
    branchFactor,
    valBatchSize,
    gradientBatchSize,
    beamRounds: 50,
    finalists: 2,
    budget: { rollouts },
    seed,
  }
}
