import { nameOf } from './values.ts'

/** In the words of OpenAI, from those of the conventions, Anthropic, Gemini, Bedrock and the AI SDK. */
const words: ReadonlyMap<string, string> = new Map([
  ['tool_call', 'tool_calls'],
  ['tool-calls', 'tool_calls'],
  ['tool_use', 'tool_calls'],
  ['content-filter', 'content_filter'],
  ['refusal', 'content_filter'],
  ['SAFETY', 'content_filter'],
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['STOP', 'stop'],
  ['completed', 'stop'],
  ['max_tokens', 'length'],
  ['max_output_tokens', 'length'],
  ['MAX_TOKENS', 'length'],
])

/** Null for what says nothing; a reason without a known translation stays as it is. */
export function finishReasonOf(value: unknown): string | null {
  const reason = nameOf(value)
  return reason === null ? null : (words.get(reason) ?? reason)
}
