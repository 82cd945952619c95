import type { Span } from '@agl/types'

/** A tool call that a tracer recorded as a span below the model call that asked for it. */
export interface ToolSpan {
  readonly spanId: string
  /** Null when the span does not say which call it is. */
  readonly id: string | null
  readonly name: string
  /** JSON text. */
  readonly parameters: string
}

/** The tool calls by the id of the span they are directly below, in the order given. */
export function readToolSpans(spans: readonly Span[]): ReadonlyMap<string, readonly ToolSpan[]> {
  const byParent = new Map<string, ToolSpan[]>()
  for (const { span_id: spanId, parent_id: parentId, attributes } of spans) {
    const name = attributes['tool.name']
    if (parentId === null || typeof name !== 'string') continue
    const id = attributes['tool.call.id']
    const parameters = attributes['tool.parameters']
    const tool = {
      spanId,
      id: typeof id === 'string' && id !== '' ? id : null,
      name,
      parameters: typeof parameters === 'string' ? parameters : '{}',
    }
    const known = byParent.get(parentId)
    if (known === undefined) byParent.set(parentId, [tool])
    else known.push(tool)
  }
  return byParent
}
