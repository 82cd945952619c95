export { countFindings, type Finding, type FindingCounts, type FindingKind, type OnFinding } from './adapters/findings.ts'
export { toJsonLines } from './adapters/json-lines.ts'
export {
  llmProxyTraceToTriplets,
  llmProxyTraceToTripletsDefaults,
  type LlmProxyTraceToTripletsOptions,
} from './adapters/llm-proxy-trace-to-triplets.ts'
export { isTrainable } from './adapters/make-triplet.ts'
export type { RewardMatch } from './adapters/match-rewards.ts'
export type { MessagesExample } from './adapters/messages-example.ts'
export { reportTriplets } from './adapters/report-triplets.ts'
export { type PackOptions, packTokenRows, type SampledSegment, type TokenRow } from './adapters/token-rows.ts'
export {
  type MessagesAdapter,
  type MessagesReport,
  traceToMessages,
  traceToMessagesDefaults,
  type TraceToMessagesOptions,
} from './adapters/trace-to-messages.ts'
export {
  type TokenRowAdapter,
  type TokenRowReport,
  traceToTokenRows,
  traceToTokenRowsDefaults,
  type TraceToTokenRowsOptions,
} from './adapters/trace-to-token-rows.ts'
export {
  traceToTriplets,
  traceToTripletsDefaults,
  type TraceToTripletsOptions,
  type TripletAdapter,
  type TripletReport,
} from './adapters/trace-to-triplets.ts'
export { algo, BaseAlgorithm, BaseAlgorithm as Algorithm } from './algo.ts'
export { createApo } from './apo/apo.ts'
export type { ApoCandidate } from './apo/candidate.ts'
export type { Skip } from './apo/children.ts'
export { apoDefaults, type ApoOptions } from './apo/options.ts'
export type { ApoResult, ApoRound, SaveOptions } from './apo/result.ts'
export { type ApoTemplates, apoTemplates } from './apo/templates.ts'
export {
  type Artifact,
  artifactKey,
  type Comparison,
  type LineageEntry,
  parseArtifact,
  pathTo,
  type Replay,
} from './artifact/artifact.ts'
export { artifactFiles, readArtifact, writeArtifact, writeResources } from './artifact/files.ts'
export type { ModuleContents } from './artifact/module.ts'
export { createBaseline } from './baseline/baseline.ts'
export { baselineDefaults, type BaselineOptions } from './baseline/options.ts'
export type { BaselineResult, BaselineRollout } from './baseline/result.ts'
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
export { armOf, type Assignment, type Key, type Weights } from './experiments/assignment.ts'
export { controlExperiment, type ExperimentControl } from './experiments/control.ts'
export { createExperiment, type Experiment } from './experiments/create-experiment.ts'
export type { ArmDifference, ArmSummary, ExperimentComparison, ExperimentVerdict } from './experiments/judge.ts'
export type { LiveExperiment, OpenExperimentOptions, TaskOptions } from './experiments/live.ts'
export { experimentMetrics, experimentNames, type Metric } from './experiments/metrics.ts'
export { type ArmSource, experimentDefaults, type ExperimentOptions, type GuardOptions } from './experiments/options.ts'
export type { ExperimentPlan } from './experiments/plan.ts'
export type { ServedResult } from './experiments/record-served.ts'
export type { Authorship, ExperimentState, Target } from './experiments/record.ts'
export type { GradualOptions, GuardAlarm, RollOutResult } from './experiments/roll-out.ts'
export { type Routable, type Route, routeResources } from './experiments/route.ts'
export type { ExperimentResult } from './experiments/run-experiment.ts'
export type { FailureHooks } from './failure-hooks.ts'
export { hashDataset } from './data/hash-dataset.ts'
export { type DatasetSource, loadDataset, type LoadDatasetOptions } from './data/load-dataset.ts'
export { findSharedTasks, type SharedTask, splitDataset, type SplitOptions, type Splits } from './data/split-dataset.ts'
export { type AiSdkLanguageModel, fromAiSdk } from './models/ai-sdk.ts'
export { type AnthropicModelOptions, createAnthropicModel } from './models/anthropic.ts'
export type { ChatModel, ChatReply, ChatRequest, ModelMessage } from './models/chat-model.ts'
export type { HttpModelOptions } from './models/http-model.ts'
export { limitConcurrency } from './models/limit-concurrency.ts'
export { createOpenAiModel, type OpenAiModelOptions } from './models/openai.ts'
export { modelCallDefaults, type ModelCallOptions, type ModelRetry } from './models/retry.ts'
export { createRandom, type Random } from './random.ts'
export { type Curve, drawCurveBars, drawCurves } from './report/curve.ts'
export { type Budget, type BudgetLimits, createBudget } from './run/budget.ts'
export {
  createEvaluator,
  type EvaluatedCandidate,
  type EvaluateOptions,
  type Evaluation,
  type Evaluator,
  type EvaluatorOptions,
  type KnownTask,
  knownTask,
} from './run/evaluate.ts'
export { createFileState } from './run/file-state.ts'
export { hashJson, randomFor, seedFor } from './run/hash.ts'
export { createMemoryState } from './run/memory-state.ts'
export { openRun, type OpenRunOptions, readRunState, type Run, runNames } from './run/open-run.ts'
export type { Price, Prices } from './run/prices.ts'
export type { Transcript } from './run/transcript.ts'
export { sftDefaults, type SftOptions } from './sft/options.ts'
export type { SftIteration, SftPhase, SftProgress } from './sft/progress.ts'
export { createSft, type SftResult } from './sft/sft.ts'
export { type Estimate, estimateGain, estimateMean, type GainOptions } from './statistics.ts'
