import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Agent } from '@agl/runner'
import { AglError, errorMessage } from '@agl/types'

/** Names that are looked for first when the command does not say which export is the agent. */
const usualNames = ['default', 'agent']

/** Loads `./agent.ts#clerk`; without a name the export `default` or `agent`, or the only one that is an agent. */
export async function loadAgent(text: string): Promise<Agent> {
  const [file = '', name] = text.split('#', 2)
  const url = pathToFileURL(path.resolve(file)).href
  let exports: Readonly<Record<string, unknown>>
  try {
    exports = (await import(url)) as Readonly<Record<string, unknown>>
  } catch (cause) {
    throw new AglError({ code: 'invalid_argument', message: `${file} cannot be loaded: ${errorMessage(cause)}`, cause })
  }
  const agents = Object.entries(exports).filter((entry): entry is [string, Agent] => isAgent(entry[1]))
  const wanted = name === undefined ? usualNames : [name]
  const found =
    agents.find(([each]) => wanted.includes(each)) ?? (name === undefined && agents.length === 1 ? agents[0] : undefined)
  if (found !== undefined) return found[1]
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
