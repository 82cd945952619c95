import type { ApoOptions } from '@agl/algorithms'
import type { Task } from '@agl/simulated-world'
import { referenceSettings } from './contest.ts'

const { beam_width: beamWidth, val_batch_size: valBatchSize, gradient_batch_size: gradientBatchSize } = referenceSettings.example

/** Ours in the contest: the reference's settings, but three children of each parent, and as many rounds as its number of rollouts allows. */
export function contestOptions(mode: 'beam' | 'pareto', rollouts: number, seed: number): Partial<ApoOptions<Task>> {
  return {
    mode,
    beamWidth,
    branchFactor: 3,
    valBatchSize,
    gradientBatchSize,
    beamRounds: 50,
    finalists: 2,
    budget: { rollouts },
    seed,
  }
}
