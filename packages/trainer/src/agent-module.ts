import type { Agent } from '@agl/runner'
import { AglError, describeValue, isPlainObject } from '@agl/types'
import { importExport, type ModuleExport, resolveModule } from './module-export.ts'

/** An agent named by its module, so that runners in other processes can load it. */
export interface AgentModule extends Pick<ModuleExport, 'module' | 'export'> {
  readonly kind: 'agent_module'
}

/**
 * Names an agent by the module that exports it: `agentModule(import.meta.url, 'clerk')` in that module itself, or
 * `agentModule(new URL('./clerk.ts', import.meta.url), 'clerk')`, or a path. Nothing is loaded yet. Processes that run it import
 * this module and never the program that calls `fit`.
 */
export function agentModule(module: string | URL, exportName: string): AgentModule {
  if (typeof exportName !== 'string' || exportName === '') {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected the name under which the module exports the agent, as in agentModule(import.meta.url, 'clerk'); got ${describeValue(exportName)}.`,
    })
  }
  return Object.freeze({ kind: 'agent_module', module: resolveModule(module), export: exportName })
}

export function isAgentModule(value: unknown): value is AgentModule {
  return isPlainObject(value) && value['kind'] === 'agent_module'
}

/** @throws AglError `invalid_argument` that says what the module exports instead */
export async function loadAgent<Task>(agent: Agent<Task> | AgentModule): Promise<Agent<Task>> {
  if (!isAgentModule(agent)) return agent
  const value = await importExport(agent, 'the agent')
  if (typeof value === 'object' && value !== null && 'rollout' in value && typeof value.rollout === 'function') {
    return value as Agent<Task>
  }
  throw new AglError({
    code: 'invalid_argument',
    message:
      `Expected the export "${agent.export}" of ${agent.module} to be an agent, as in ` +
      `export const ${agent.export} = rollout(async (task, context) => reward); it is ${describeValue(value)}.`,
  })
}
