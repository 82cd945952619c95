export { type AgentModule, agentModule } from './agent-module.ts'
export { isFast as isFastAlgorithm } from './fast-algorithm.ts'
export { handleInterrupts } from './interrupts.ts'
export type { ModuleExport } from './module-export.ts'
export { type RunnerSettings, trainerDefaults, type TrainerOptions } from './options.ts'
export type { LocalStrategyChoice, StrategyChoice } from './strategies/choose.ts'
export { childDefaults, type ChildOptions } from './strategies/child-options.ts'
export { csDefaults, type CsOptions, type ServerToken } from './strategies/cs-options.ts'
export type { IpcOptions } from './strategies/ipc.ts'
export {
  createTerminalProgress,
  type ProgressStream,
  type TerminalProgress,
  terminalProgressDefaults,
  type TerminalProgressOptions,
} from './progress/terminal-progress.ts'
export type { LiveConcurrency } from './live-concurrency.ts'
export type { AlgorithmSide, ExecutionParts, ExecutionStrategy, RunnerDescription } from './strategy.ts'
export type { PortablePart, RunnerPart } from './portable.ts'
export { createTrainer, type DevOptions, type FitOptions, type Trainer } from './trainer.ts'
