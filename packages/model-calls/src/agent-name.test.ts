import { expect, test } from 'vitest'
import { agentNameOf } from './agent-name.ts'

/** In the order in which they win. */
const sources = [
  { attributes: { 'agent.name': 'a' } },
  { attributes: { 'agentops.span.kind': 'agent', 'operation.name': 'b' } },
  { attributes: { recipient_agent_type: 'c' } },
  { attributes: { 'langchain.chain.type': 'd' } },
  { attributes: { 'executor.id': 'e' } },
  { attributes: { type: 'agent', 'agentlightning.operation.input.name': 'f' } },
  { name: 'langchain.Chain.RunnableSequence', attributes: { lc_name: 'g' } },
  { name: 'h', attributes: { 'openinference.span.kind': 'AGENT' } },
  { attributes: { 'gen_ai.agent.name': 'i' } },
  { attributes: { 'traceloop.span.kind': 'agent', 'traceloop.entity.name': 'j' } },
  { attributes: { 'ai.operationId': 'ai.streamText', 'ai.telemetry.functionId': 'k' } },
  { attributes: { 'graph.node.id': 'l' } },
  { attributes: { 'langsmith.metadata.langgraph_node': 'm' } },
  { attributes: { 'traceloop.association.properties.langgraph_node': 'n' } },
  { attributes: { metadata: '{"langgraph_node":"o","thread_id":"1"}' } },
] as const

test('each source is known', () => {
  const names = sources.map((source) => agentNameOf({ name: 'span', ...source }))
  expect(names).toEqual([...'abcdefghijklmno'])
})

test('the first that is there wins', () => {
  for (const [at, { attributes }] of sources.entries()) {
    const later = sources.slice(at + 1).map((source) => source.attributes)
    const name = sources[at] !== undefined && 'name' in sources[at] ? sources[at].name : 'span'
    const all = { ...Object.assign({}, ...later), ...attributes } as Record<string, string>
    expect(agentNameOf({ name, attributes: all })).toBe('abcdefghijklmno'[at])
  }
})

test('near misses are no agents', () => {
  const misses = [
    { name: 'span', attributes: { 'agentops.span.kind': 'tool', 'operation.name': 'x' } },
    { name: 'span', attributes: { type: 'tool', 'agentlightning.operation.input.name': 'x' } },
    { name: 'langchain.LLM', attributes: { lc_name: 'x' } },
    { name: 'span', attributes: { 'openinference.span.kind': 'CHAIN' } },
    { name: 'span', attributes: { 'ai.operationId': 'ai.streamText.doStream', 'ai.telemetry.functionId': 'x' } },
    { name: 'span', attributes: { 'agent.name': '', metadata: '{"langgraph_node":' } },
    { name: 'span', attributes: { 'agent.name': 3, metadata: 'about "langgraph_node"' } },
  ]
  expect(misses.map(agentNameOf)).toEqual(misses.map(() => null))
})
