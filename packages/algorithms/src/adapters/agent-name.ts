import { type Span, spanAttributes } from '@agl/types'

/** The agent that a span is the run of, in the forms of the tracers that mark one; null for any other span. */
export function agentNameOf({ name, attributes }: Pick<Span, 'name' | 'attributes'>): string | null {
  const text = (key: string): string | null => {
    const value = attributes[key]
    return typeof value === 'string' && value !== '' ? value : null
  }
  return (
    text('agent.name') ??
    (attributes['agentops.span.kind'] === 'agent' ? text('operation.name') : null) ??
    text('recipient_agent_type') ??
    text('langchain.chain.type') ??
    text('executor.id') ??
    (attributes['type'] === 'agent' ? text(`${spanAttributes.operationInput}.name`) : null) ??
    (name.startsWith('langchain.Chain.') ? text('lc_name') : null)
  )
}
