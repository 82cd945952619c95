import type { Agent } from '@agl/runner'
import { type AgentModule, agentModule } from '@agl/trainer'
import { AglError, errorMessage } from '@agl/types'

/** Names that are looked for first when the command does not say which export is the agent. */
const usualNames = ['default', 'agent']

export interface FoundAgent {
  readonly agent: Agent
  /** The same for other processes. */
  readonly module: AgentModule
}

/** Finds `./agent.ts#clerk`; without a name the export `default` or `agent`, or the only one that is an agent. */
export async function findAgent(text: string): Promise<FoundAgent> {
  const [file = '', name] = text.split('#', 2)
  const { module } = agentModule(file, name ?? 'agent')
  let exports: Readonly<Record<string, unknown>>
  try {
    exports = (await import(module)) as Readonly<Record<string, unknown>>
  } catch (cause) {
    throw new AglError({ code: 'invalid_argument', message: `${file} cannot be loaded: ${errorMessage(cause)}`, cause })
  }
  const agents = Object.entries(exports).filter((entry): entry is [string, Agent] => isAgent(entry[1]))
  const wanted = name === undefined ? usualNames : [name]
  const found =
    agents.find(([each]) => wanted.includes(each)) ?? (name === undefined && agents.length === 1 ? agents[0] : undefined)
  if (found !== undefined) return { agent: found[1], module: agentModule(module, found[0]) }
  const names = Object.keys(exports).join(', ') || 'nothing'
  const which =
    name === undefined
      ? agents.length === 0
        ? 'an agent'
        : `one agent, or which of ${agents.map(([each]) => each).join(', ')}, as in ${file}#${agents[0]![0]}`
      : `an agent "${name}"`
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected ${file} to export ${which}: export const agent = rollout(async (task, context) => reward). It exports ${names}.`,
  })
}

function isAgent(value: unknown): value is Agent {
  return typeof value === 'object' && value !== null && 'rollout' in value && typeof value.rollout === 'function'
}
