import type { ChatMessage, ModelCall } from './model-call.ts'

/**
 * Whether the first of two records of one call says more than the second: token ids decide, then log-probabilities, then how
 * much was said. Between equals neither is richer, so that the earlier record can stand.
 */
export function isRicher(first: ModelCall, second: ModelCall): boolean {
  const a = richness(first)
  const b = richness(second)
  for (const [at, value] of a.entries()) if (value !== b[at]) return value > b[at]!
  return false
}

function richness({ promptTokenIds, choices, messages, tools, modelVersion, usage }: ModelCall): readonly number[] {
  const tokenIds = choices.filter((choice) => choice.tokenIds !== null).length
  return [
    (tokenIds > 0 ? 1 : 0) + (promptTokenIds === null ? 0 : 1),
    tokenIds,
    choices.filter((choice) => choice.logprobs !== null).length,
    messages.length,
    choices.length,
    said([...messages, ...choices.map(({ message }) => message)]),
    (tools === null ? 0 : 1) + (modelVersion === null ? 0 : 1) + (usage === null ? 0 : 1),
  ]
}

/** Messages that hold text or parts, and the calls of tools in all of them: some instrumentation leaves either out. */
function said(messages: readonly ChatMessage[]): number {
  const isSaid = ({ content }: ChatMessage): boolean => content !== null && content.length > 0
  return messages.reduce((sum, message) => sum + (isSaid(message) ? 1 : 0) + (message.tool_calls?.length ?? 0), 0)
}
