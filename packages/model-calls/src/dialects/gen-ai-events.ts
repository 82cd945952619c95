import type { SpanEvent } from '@agl/types'
import { type ReadableSpan, unknownCall } from '../dialect.ts'
import type { ChatMessage, ModelCall, ModelChoice } from '../model-call.ts'
import { choicesOf, readAnswer, readRequest } from '../reading/bodies.ts'
import { finishReasonsOf, readGenAiMetadata } from '../reading/gen-ai-metadata.ts'
import { choiceOf, messagesOf } from '../reading/messages.ts'
import { contentOf, type Fields, fieldsOf, jsonOf, jsonOrText, listOf, nameOf, type Report } from '../reading/values.ts'
import { withReasons } from './gen-ai-messages.ts'

/** Events of the conventions up to 1.36, and the roles they stand for. */
const messageEvents: ReadonlyMap<string, string> = new Map([
  ['gen_ai.system.message', 'system'],
  ['gen_ai.user.message', 'user'],
  ['gen_ai.assistant.message', 'assistant'],
  ['gen_ai.tool.message', 'tool'],
])

/**
 * One event for each message: `gen_ai.user.message`, `gen_ai.choice` ..., and the older pair `gen_ai.content.prompt` and
 * `gen_ai.content.completion`. Strands, Semantic Kernel, Azure AI and LiteLLM write them.
 */
export function readGenAiEvents({ attributes, events }: ReadableSpan, report: Report): ModelCall | null {
  const messages: (readonly ChatMessage[])[] = []
  const choices: (readonly ModelChoice[])[] = []
  for (const event of events ?? []) {
    if (!event.name.startsWith('gen_ai.')) continue
    const role = messageEvents.get(event.name)
    if (role !== undefined) messages.push(messagesOf([{ role, ...bodyOf(event, report) }], event.name, report))
    else if (event.name === 'gen_ai.choice') choices.push([readChoice(event, report)])
    else if (event.name === 'gen_ai.content.prompt') messages.push(readPrompt(event, report))
    else if (event.name === 'gen_ai.content.completion') choices.push(readCompletion(event, report))
  }
  if (messages.length === 0 && choices.length === 0) return null
  return {
    ...unknownCall,
    ...readGenAiMetadata(attributes),
    messages: messages.flat(),
    choices: withReasons(choices.flat(), finishReasonsOf(attributes)),
  }
}

/** An event has no body on a span: it is JSON in one attribute, or each of its fields is an attribute. */
function bodyOf(event: SpanEvent, report: Report): Fields {
  const attributes: Fields = event.attributes ?? {}
  const whole = attributes['gen_ai.event.content']
  const fields = whole === undefined ? attributes : (fieldsOf(jsonOf(whole, event.name, report)) ?? {})
  return { ...fields, content: blocksOf(fields['content']) }
}

/** Content that is a list of blocks comes as JSON text; a list of anything else was what was said. */
function blocksOf(content: unknown): unknown {
  const value = jsonOrText(content)
  return listOf(value)?.every((block) => fieldsOf(block) !== null) === true ? value : content
}

function readChoice(event: SpanEvent, report: Report): ModelChoice {
  const fields = bodyOf(event, report)
  const given = contentOf(fields['message'] ?? fields, event.name, report)
  const message = fieldsOf(given) ?? { content: given }
  const called = fields['tool_calls']
  const choice = choiceOf(called === undefined ? message : { tool_calls: called, ...message }, event.name, report)
  const [reason] = finishReasonsOf({ 'gen_ai.response.finish_reason': nameOf(fields['finish_reason']) ?? '' })
  return { ...choice, finishReason: reason ?? choice.finishReason }
}

function readPrompt(event: SpanEvent, report: Report): readonly ChatMessage[] {
  const key = 'gen_ai.prompt'
  return readRequest(contentOf(event.attributes?.[key], key, report), key, report).messages
}

function readCompletion(event: SpanEvent, report: Report): readonly ModelChoice[] {
  const key = 'gen_ai.completion'
  const value = contentOf(event.attributes?.[key], key, report)
  const list = listOf(value)
  return list === null ? readAnswer(value, key, report).choices : choicesOf(list, key, report)
}
