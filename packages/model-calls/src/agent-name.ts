import { type Attributes, type Span, spanAttributes } from '@agl/types'
import { fieldsOf, firstName, jsonOrText, nameOf } from './reading/values.ts'

/**
 * The name of the agent whose work the span is, first hit wins: what the reference knows, in its order, then OpenInference,
 * the GenAI conventions, OpenLLMetry, the AI SDK and LangGraph. Null for a span that is no agent's.
 */
export function agentNameOf({ name, attributes }: Pick<Span, 'name' | 'attributes'>): string | null {
  return (
    nameOf(attributes['agent.name']) ??
    (attributes['agentops.span.kind'] === 'agent' ? nameOf(attributes['operation.name']) : null) ??
    firstName(attributes['recipient_agent_type'], attributes['langchain.chain.type'], attributes['executor.id']) ??
    (attributes['type'] === 'agent' ? nameOf(attributes[`${spanAttributes.operationInput}.name`]) : null) ??
    (name.startsWith('langchain.Chain.') ? nameOf(attributes['lc_name']) : null) ??
    (attributes['openinference.span.kind'] === 'AGENT' ? nameOf(name) : null) ??
    nameOf(attributes['gen_ai.agent.name']) ??
    (attributes['traceloop.span.kind'] === 'agent' ? nameOf(attributes['traceloop.entity.name']) : null) ??
    aiSdkFunction(attributes) ??
    graphNode(attributes)
  )
}

/** A function id names the whole loop of calls and tools; the AI SDK repeats it on the calls inside, which are no agents. */
function aiSdkFunction(attributes: Attributes): string | null {
  const operation = attributes['ai.operationId']
  const isLoop = operation === 'ai.generateText' || operation === 'ai.streamText' || operation === 'ai.workflowAgent.stream'
  return isLoop ? nameOf(attributes['ai.telemetry.functionId']) : null
}

/** A node of a graph is the nearest to an agent that LangGraph has; all that runs in the node bears its name. */
function graphNode(attributes: Attributes): string | null {
  const known = firstName(
    attributes['graph.node.id'],
    attributes['langsmith.metadata.langgraph_node'],
    attributes['traceloop.association.properties.langgraph_node'],
  )
  const metadata = attributes['metadata']
  if (known !== null || typeof metadata !== 'string' || !metadata.includes('"langgraph_node"')) return known
  return nameOf(fieldsOf(jsonOrText(metadata))?.['langgraph_node'])
}
