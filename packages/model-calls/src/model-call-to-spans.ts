import { type NewSpan, type SpanContext, spanNames, toolCallAttributes as toolNames } from '@agl/types'
import { buildSpan } from '@agl/types/spans'
import { modelCallToAttributes } from './model-call-to-attributes.ts'
import type { ModelCall } from './model-call.ts'

/** A call that has been made, and where it belongs. Times are epoch seconds. */
export interface RecordedCall {
  readonly call: ModelCall
  readonly rolloutId: string
  readonly attemptId: string
  readonly startTime: number
  readonly endTime: number
  /** Why there is no good answer; null when there is one. */
  readonly failure: string | null
  /** The span that the call was made in. Default: none. */
  readonly parent?: SpanContext | null
}

/**
 * The span of a call, and under it one for each tool call of its first choice: that is where the reference's adapters look for
 * them. An answer that broke off asked for no tool: nobody knows whether it had said all.
 */
export function modelCallToSpans({ call, failure, parent, ...place }: RecordedCall): readonly NewSpan[] {
  const span = buildSpan({
    ...place,
    name: spanNames.chatCompletion,
    parent: parent ?? null,
    status: failure === null ? { status_code: 'OK', description: null } : { status_code: 'ERROR', description: failure },
    attributes: modelCallToAttributes(call),
  })
  const toolCalls = failure === null ? (call.choices[0]?.message.tool_calls ?? []) : []
  const toolSpans = toolCalls.map(({ id, type, function: called }) =>
    buildSpan({
      ...place,
      name: `${spanNames.toolCall}.${called.name}`,
      startTime: place.endTime,
      parent: span.context,
      attributes: {
        [toolNames.name]: called.name,
        [toolNames.parameters]: called.arguments,
        [toolNames.id]: id,
        [toolNames.type]: type,
      },
    }),
  )
  return [span, ...toolSpans]
}
