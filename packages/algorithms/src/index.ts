export { algo } from './algo.ts'
export {
  collectConfig,
  type CollectedRollout,
  type CollectOptions,
  collectRollouts,
  countOutcomes,
  type OutcomeCounts,
  reasonOf,
  scoreOf,
} from './collect.ts'
export { createRandom, type Random } from './random.ts'
export { sftDefaults, type SftOptions } from './sft/options.ts'
export type { SftIteration, SftPhase, SftProgress } from './sft/progress.ts'
export { createSft, type SftResult } from './sft/sft.ts'
export { type Estimate, estimateGain, estimateMean, type GainOptions } from './statistics.ts'
export { isTrainable, mergeTrajectory, type TrajectoryRow } from './trajectory.ts'
export { createTripletAdapter, type TripletAdapter, type TripletAdapterOptions, type UnmatchedReward } from './triplets.ts'
