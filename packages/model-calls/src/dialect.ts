import type { Span } from '@agl/types'
import type { ChatMessage, ModelCall } from './model-call.ts'
import type { Report } from './reading/values.ts'

/** What of a span tells a model call. */
export type ReadableSpan = Pick<Span, 'name' | 'attributes'> & Partial<Pick<Span, 'events'>>

/** Null where the span holds nothing in this dialect; what is malformed is reported and never thrown. */
export type DialectReader = (span: ReadableSpan, report: Report) => ModelCall | null

/** A call of which nothing is known. */
export const unknownCall: ModelCall = Object.freeze({
  operation: 'chat',
  model: null,
  parameters: {},
  messages: [],
  tools: null,
  responseId: null,
  responseModel: null,
  modelVersion: null,
  choices: [],
  promptTokenIds: null,
  usage: null,
})

/** Instructions go first, unless the messages begin with them already. */
export function afterInstructions(
  instructions: readonly ChatMessage[],
  messages: readonly ChatMessage[],
): readonly ChatMessage[] {
  const [first] = messages
  const isSaid = first?.role === 'system' && instructions.length === 1 && first.content === instructions[0]!.content
  return isSaid ? messages : [...instructions, ...messages]
}
