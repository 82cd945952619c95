export {
  type Agent,
  type AgentContext,
  type AgentNeed,
  type AgentResult,
  llmRollout,
  missingResources,
  type PromptContext,
  promptRollout,
  type ReturnedReward,
  type ReturnedSpan,
  rollout,
} from './agent.ts'
export { commandAgent } from './agents/command/command-agent.ts'
export { commandEnvironment } from './agents/command/environment.ts'
export {
  commandAgentDefaults,
  type CommandAgentOptions,
  type CommandResult,
  type CommandReward,
  type CommandScorer,
  type TemporaryFolder,
} from './agents/command/options.ts'
export { httpAgent } from './agents/http/http-agent.ts'
export { httpAgentDefaults, type HttpAgentOptions } from './agents/http/options.ts'
export type { HttpAgentReply } from './agents/http/reply.ts'
export type { HttpAgentRequest } from './agents/http/request.ts'
export type { HttpReply } from './agents/http/send.ts'
export { infraError } from './agents/infra-error.ts'
export { LitAgent } from './agents/lit-agent.ts'
export { createDirectTracer } from './direct-tracer.ts'
export type { HookName, Hooks, RolloutEndEvent, RolloutEvent, RolloutSettledEvent, TraceEvent } from './hooks.ts'
export { runnerDefaults, type RunnerOptions } from './options.ts'
export type { ScoreContext, Scorer } from './scorers.ts'
export { graderTag } from '@agl/types'
export type { StepRequest } from './step.ts'
export { runContext, type RunContext } from './run-context.ts'
export { createRunner, type Runner, type RunRequest, type RunSummary } from './runner.ts'
