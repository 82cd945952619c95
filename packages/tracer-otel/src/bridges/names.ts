import type { Attributes } from '@opentelemetry/api'

/** Attributes of the spans that bridges write, as OpenTelemetry's conventions for generative AI name them. */
export const names = {
  operation: 'gen_ai.operation.name',
  agent: 'gen_ai.agent.name',
  toolName: 'gen_ai.tool.name',
  toolCallId: 'gen_ai.tool.call.id',
  toolArguments: 'gen_ai.tool.call.arguments',
  toolResult: 'gen_ai.tool.call.result',
  /** A node of a graph; what groups spans by agent takes it for one. */
  graphNode: 'graph.node.id',
} as const

export interface NamedSpan {
  readonly name: string
  readonly attributes?: Attributes
}

export function agentSpan(agent: string): NamedSpan {
  return { name: `invoke_agent ${agent}`, attributes: { [names.operation]: 'invoke_agent', [names.agent]: agent } }
}

export function toolSpan(tool: string): NamedSpan {
  return { name: `execute_tool ${tool}`, attributes: { [names.operation]: 'execute_tool', [names.toolName]: tool } }
}

/** Text as it is, anything else as JSON; undefined for what there is not, which an attribute then leaves out. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' || value === undefined || value === null ? (value ?? undefined) : JSON.stringify(value)
}
