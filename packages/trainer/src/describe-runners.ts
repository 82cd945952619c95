import path from 'node:path'
import { type Agent, createRunner } from '@agl/runner'
import {
  AglError,
  type JsonObject,
  type JsonOffender,
  jsonOffender,
  type LightningStore,
  type Logger,
  type Metrics,
} from '@agl/types'
import { type AgentModule, isAgentModule, loadAgent } from './agent-module.ts'
import { type CallSite, firstArgument } from './call-site.ts'
import type { RunnerSettings } from './options.ts'
import type { ExecutionParts, RunnerDescription } from './strategy.ts'
import { isModuleExport, loadTracer, resolveTracerModule, type TracerChoice } from './tracer-module.ts'

/** What a trainer knows of its runners. */
export interface RunnerParts {
  readonly settings: RunnerSettings
  /** Null: emitted rewards only. */
  readonly tracer: TracerChoice | null
  readonly store: LightningStore
  readonly logger: Logger
  readonly metrics: Metrics | null
  /** The name of the strategy, for errors. */
  readonly strategy: string
  readonly callSite: CallSite | null
}

/** The two ways to a runner: made here, or told to another process. */
export function describeRunners<Task>(
  agent: Agent<Task> | AgentModule,
  parts: RunnerParts,
): Pick<ExecutionParts, 'makeRunner' | 'describeRunner'> {
  const { settings, tracer, logger, metrics } = parts
  const surroundings = { logger, ...(metrics === null ? {} : { metrics }) }
  return {
    async makeRunner({ store = parts.store } = {}) {
      const loaded = await loadAgent(agent)
      return createRunner({
        ...settings,
        agent: loaded,
        store,
        ...surroundings,
        ...(tracer === null ? {} : { tracer: await loadTracer(tracer, surroundings) }),
      })
    },

    async describeRunner(): Promise<RunnerDescription> {
      if (!isAgentModule(agent)) throw inlineAgent(parts)
      if (tracer !== null && !isModuleExport(tracer)) throw inlineTracer(parts)
      const offender = jsonOffender(settings)
      if (offender !== null) throw inlineSetting(parts, offender)
      // What a child would refuse is refused here, before there is any.
      createRunner({ ...settings, agent: await loadAgent(agent), store: parts.store })
      if (tracer !== null) await loadTracer(tracer)
      return {
        agent: { module: agent.module, export: agent.export },
        tracer: tracer === null ? null : resolveTracerModule(tracer),
        settings: settings as JsonObject,
      }
    },
  }
}

function inlineAgent({ strategy, callSite }: RunnerParts): AglError {
  const given = callSite === null ? null : firstArgument(callSite, 'fit')
  const name = given ?? 'agent'
  const file = `${name}${callSite === null ? '.ts' : path.extname(callSite.file)}`
  const where = callSite === null ? '' : ` (${callSite.file}:${callSite.line})`
  return refusal(
    `The strategy ${strategy} runs agents in other processes, and ${given === null ? 'the agent given to fit' : `\`${given}\``} exists in this one only${where}. ` +
      `Move it to a module of its own and name it by that:\n` +
      `  // ${file}\n` +
      `  export const ${name} = rollout(async (task, context) => …)\n` +
      `  // here\n` +
      `  trainer.fit(agentModule(new URL('./${file}', import.meta.url), '${name}'), …)`,
  )
}

function inlineTracer({ strategy }: RunnerParts): AglError {
  return refusal(
    `The strategy ${strategy} runs agents in other processes, and the \`tracer\` of createTrainer exists in this one only. Say where it comes from instead:\n` +
      `  tracer: { module: '@agl/tracer-otel', export: 'createOtelTracer', options: {} }`,
  )
}

function inlineSetting({ strategy }: RunnerParts, { path: place, description }: JsonOffender): AglError {
  return refusal(
    `The strategy ${strategy} runs agents in other processes, and \`runner${place === '' ? '' : `.${place.replace(/^\./, '')}`}\` of createTrainer is ${description}, which cannot cross. Give values of JSON only.`,
  )
}

function refusal(message: string): AglError {
  return new AglError({ code: 'invalid_argument', message })
}
