export { type Agent, type AgentContext, type AgentResult, rollout } from './agent.ts'
export { createDirectTracer } from './direct-tracer.ts'
export { runnerDefaults, type RunnerOptions } from './options.ts'
export { createRunner, type Runner, type RunSummary } from './runner.ts'
