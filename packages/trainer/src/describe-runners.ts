import path from 'node:path'
import { type Agent, createRunner, type Hooks, type Runner, type Scorer } from '@agl/runner'
import {
  AglError,
  type JsonObject,
  type JsonOffender,
  jsonOffender,
  type LightningStore,
  type Logger,
  type Metrics,
  type Tracer,
} from '@agl/types'
import { type AgentModule, isAgentModule, loadAgent } from './agent-module.ts'
import { type CallSite, firstArgument } from './call-site.ts'
import type { Components } from './components.ts'
import type { ComponentKind } from './config/component.ts'
import { hooksKind, scorerKind, tracerKind } from './config/components/kinds.ts'
import type { Registry } from './config/registry.ts'
import type { RunnerSettings } from './options.ts'
import { type PortablePart, type RunnerPart, toPortable } from './portable.ts'
import type { ExecutionParts, RunnerDescription } from './strategy.ts'

/** What a trainer knows of its runners. */
export interface RunnerParts {
  readonly settings: RunnerSettings
  /** Null: emitted rewards only. */
  readonly tracer: RunnerPart<Tracer> | null
  readonly hooks: readonly RunnerPart<Hooks>[]
  readonly scorers: readonly RunnerPart<Scorer>[]
  readonly components: Components
  /** Null: what AGL brings. */
  readonly registry: Registry | null
  readonly store: LightningStore
  readonly logger: Logger
  readonly metrics: Metrics | null
  /** The name of the strategy, for errors. */
  readonly strategy: string
  /** Where `callee` was called. */
  readonly callSite: CallSite | null
  readonly callee: 'fit' | 'dev'
  /** Told of each that is made here. */
  onRunner(runner: Runner): void
  /** Looks at the agent before anything runs, once. */
  check(agent: Agent): Promise<void>
}

/** The two ways to a runner: made here, or told to another process. */
export function describeRunners<Task>(
  agent: Agent<Task> | AgentModule,
  parts: RunnerParts,
): Pick<ExecutionParts, 'makeRunner' | 'describeRunner'> {
  const { settings, tracer, hooks, scorers, components, logger, metrics } = parts
  const surroundings = { logger, ...(metrics === null ? {} : { metrics }) }

  const makeAll = async <Instance>(kind: ComponentKind<Instance>, name: string, all: readonly RunnerPart<Instance>[]) =>
    await Promise.all(all.map((part, index) => components.make(`${name}.${index}`, kind, part)))

  async function toPortableOf<Instance>(
    kind: ComponentKind<Instance>,
    place: string,
    part: RunnerPart<Instance>,
  ): Promise<PortablePart> {
    const portable = await toPortable(kind, part, parts.registry)
    if (portable === null) throw inlinePart(parts, place, part)
    await components.check(place, kind, portable)
    return portable
  }
  const allToPortable = async <Instance>(kind: ComponentKind<Instance>, name: string, all: readonly RunnerPart<Instance>[]) =>
    await Promise.all(all.map((part, index) => toPortableOf(kind, `${name}.${index}`, part)))

  let checking: Promise<void> | null = null
  async function loadChecked(): Promise<Agent> {
    const loaded = await loadAgent(agent)
    await (checking ??= parts.check(loaded))
    return loaded
  }

  return {
    async makeRunner({ store = parts.store } = {}) {
      const runner = createRunner({
        ...settings,
        agent: await loadChecked(),
        store,
        ...surroundings,
        hooks: await makeAll(hooksKind, 'hooks', hooks),
        scorers: await makeAll(scorerKind, 'scorers', scorers),
        ...(tracer === null ? {} : { tracer: await components.make('tracer', tracerKind, tracer) }),
      })
      parts.onRunner(runner)
      return runner
    },

    async describeRunner(): Promise<RunnerDescription> {
      if (!isAgentModule(agent)) throw inlineAgent(parts)
      const offender = jsonOffender(settings)
      if (offender !== null) throw inlineSetting(parts, offender)
      // What a child would refuse is refused here, before there is any.
      createRunner({ ...settings, agent: await loadChecked(), store: parts.store })
      return {
        agent: { module: agent.module, export: agent.export },
        tracer: tracer === null ? null : await toPortableOf(tracerKind, 'tracer', tracer),
        hooks: await allToPortable(hooksKind, 'hooks', hooks),
        scorers: await allToPortable(scorerKind, 'scorers', scorers),
        settings: settings as JsonObject,
      }
    },
  }
}

function inlineAgent({ strategy, callSite, callee }: RunnerParts): AglError {
  const given = callSite === null ? null : firstArgument(callSite, callee)
  const name = given ?? 'agent'
  const file = `${name}${callSite === null ? '.ts' : path.extname(callSite.file)}`
  const where = callSite === null ? '' : ` (${callSite.file}:${callSite.line})`
  return refusal(
    `The strategy ${strategy} runs agents in other processes, and ${given === null ? `the agent given to ${callee}` : `\`${given}\``} exists in this one only${where}. ` +
      `Move it to a module of its own and name it by that:\n` +
      `  // ${file}\n` +
      `  export const ${name} = rollout(async (task, context) => …)\n` +
      `  // here\n` +
      `  trainer.${callee}(agentModule(new URL('./${file}', import.meta.url), '${name}'), …)`,
  )
}

const examples: Readonly<Record<string, string>> = {
  tracer: `tracer: { module: '@agl/tracer-otel', export: 'createOtelTracer', options: {} }`,
  hooks: `hooks: { module: new URL('./hooks.ts', import.meta.url).href, export: 'createHooks', options: {} }`,
  scorers: `scorers: [{ module: new URL('./scorers.ts', import.meta.url).href, export: 'createScorer', options: {} }]`,
}

function inlinePart({ strategy }: RunnerParts, place: string, part: unknown): AglError {
  const isNamed = typeof part === 'string' || (typeof part === 'object' && part !== null && 'type' in part)
  const what = isNamed ? `is registered in this one only: processes know what AGL brings` : 'exists in this one only'
  return refusal(
    `The strategy ${strategy} runs agents in other processes, and the \`${place}\` of createTrainer ${what}. Say where it comes from instead:\n` +
      `  ${examples[place.split('.')[0]!]}`,
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
