import type { Attributes } from '@agl/types'
import { type ReadableSpan, unknownCall } from '../dialect.ts'
import type { ChatMessage, ModelCall, ModelChoice } from '../model-call.ts'
import {
  emptyAnswer,
  emptyRequest,
  parametersOf,
  readAnswer,
  readRequest,
  type RequestParts,
  withBody,
} from '../reading/bodies.ts'
import { finishReasonOf } from '../reading/finish-reason.ts'
import { usageOf } from '../reading/gen-ai-metadata.ts'
import { choiceOf, mergedChoice, messagesOf } from '../reading/messages.ts'
import { toolDefinitionsOf } from '../reading/tools.ts'
import { treeUnder } from '../reading/tree.ts'
import { type Fields, fieldsOf, firstName, jsonOf, jsonOrText, listOf, nameOf, type Report, textOf } from '../reading/values.ts'

export const spanKind = 'openinference.span.kind'

/**
 * `llm.input_messages.{i}.message.*` and `llm.output_messages.{i}.message.*` of OpenInference, on spans of kind LLM. The
 * body of the answer (`output.value`), where it is kept, adds what the conventions have no name for: its id, token ids,
 * log-probabilities; the bodies stand in for messages that are not there.
 */
export function readOpenInference({ attributes }: ReadableSpan, report: Report): ModelCall | null {
  const llm = treeUnder(attributes, 'llm.')
  const given = listOf(llm['input_messages'])
  const answered = listOf(llm['output_messages'])
  if (attributes[spanKind] !== 'LLM' && given === null && answered === null) return null
  const invoked = fieldsOf(jsonOf(attributes['llm.invocation_parameters'], 'llm.invocation_parameters', report)) ?? {}
  const prompts = textsOf(llm['prompts'], 'prompt')
  const completions = textsOf(llm['choices'], 'completion')
  const answer = answerBody(attributes, answered === null && completions.length === 0, report)
  const request = requestOf(given, attributes, report)
  const choices = [...(answered === null ? [] : choicesOf(answered, answer.choices, report)), ...completions.map(textChoice)]
  return {
    ...unknownCall,
    operation: prompts.length + completions.length > 0 ? 'text_completion' : 'chat',
    model: firstName(attributes['llm.request.model_name'], request.model, invoked['model'], attributes['llm.model_name']),
    parameters: { ...request.parameters, ...parametersOf(invoked) },
    messages: given === null ? promptMessages(prompts, request.messages) : request.messages,
    tools: toolsOf(llm, report) ?? request.tools,
    responseId: answer.responseId,
    responseModel: firstName(attributes['llm.response.model_name'], answer.responseModel, attributes['llm.model_name']),
    choices: withEnding(withBody(choices, answer.choices), attributes),
    promptTokenIds: answer.promptTokenIds,
    usage: usageOf(attributes['llm.token_count.prompt'], attributes['llm.token_count.completion']) ?? answer.usage,
  }
}

/** Beside messages it may be of any shape, and only what is understood of it counts. Plain text is what streams leave. */
function answerBody(attributes: Attributes, isNeeded: boolean, report: Report): typeof emptyAnswer {
  const value = jsonOrText(attributes['output.value'])
  if (isNeeded) return readAnswer(value, 'output.value', report)
  return fieldsOf(value) === null ? emptyAnswer : readAnswer(value, 'output.value', () => {})
}

/** What is flattened goes first: it is what the conventions are about, and the body may be of any shape. */
function requestOf(given: readonly unknown[] | null, attributes: Attributes, report: Report): RequestParts {
  const body = (to: Report): RequestParts => readRequest(jsonOrText(attributes['input.value']), 'input.value', to)
  if (given === null) return body(report)
  const flat = (to: Report): readonly ChatMessage[] => messagesOf(given.map(plainMessage), 'llm.input_messages', to)
  const whole = (to: Report): readonly ChatMessage[] => body(to).messages
  return { ...emptyRequest, messages: withoutLoss(flat, whole, report) }
}

/** OpenAI's Responses leave a message for each item of one answer; then the body, which has one answer, tells. */
function choicesOf(answered: readonly unknown[], body: readonly ModelChoice[], report: Report): readonly ModelChoice[] {
  const messages = answered.map(plainMessage)
  const isOneAnswer = messages.length > 1 && (body.length === 1 || messages.some((message) => message['content'] === undefined))
  const flat = (to: Report): readonly ModelChoice[] =>
    isOneAnswer
      ? [mergedChoice(messages, 'llm.output_messages', to)]
      : messages.map((message, index) => choiceOf(message, `llm.output_messages[${index}]`, to))
  return withoutLoss(flat, () => body, report)
}

/**
 * The flattened form of LangChain's instrumentation has lost the ids of tool calls; where it lacks something and the body
 * holds as many items without a fault, these stand.
 */
function withoutLoss<Item>(
  flat: (report: Report) => readonly Item[],
  body: (report: Report) => readonly Item[],
  report: Report,
): readonly Item[] {
  const lost: string[] = []
  const items = flat((problem) => lost.push(problem))
  if (lost.length === 0) return items
  const faults: string[] = []
  const whole = body((fault) => faults.push(fault))
  if (faults.length === 0 && whole.length === items.length) return whole
  for (const problem of lost) report(problem)
  return items
}

function withEnding(choices: readonly ModelChoice[], attributes: Attributes): readonly ModelChoice[] {
  const reason = finishReasonOf(attributes['llm.finish_reason'])
  return choices.map((choice, index) => (index === 0 ? { ...choice, finishReason: choice.finishReason ?? reason } : choice))
}

/** A message in the usual form, from the one where each level repeats its name. */
function plainMessage(value: unknown): Fields {
  const message = fieldsOf(fieldsOf(value)?.['message']) ?? {}
  const calls = listOf(message['tool_calls'])?.map((call) => fieldsOf(call)?.['tool_call'] ?? call)
  const contents = listOf(message['contents'])?.flatMap((content) => partsOf(content, calls !== undefined))
  const name = nameOf(message['function_call_name'])
  return {
    ...message,
    content:
      contents === undefined
        ? message['content']
        : [...(textOf(message['content']) === null ? [] : [message['content']]), ...contents],
    ...(calls === undefined ? {} : { tool_calls: calls }),
    ...(name === null ? {} : { function_call: { name, arguments: message['function_call_arguments_json'] } }),
  }
}

/** A call of a tool is there twice: among the contents, for its place, and among the calls. */
function partsOf(value: unknown, hasCalls: boolean): readonly unknown[] {
  const holder = fieldsOf(value)
  const part = fieldsOf(holder?.['message_content'])
  if (part === null) return []
  if (part['type'] === 'tool_use') return hasCalls ? [] : [{ type: 'tool_use', ...fieldsOf(holder?.['tool_call']) }]
  const image = fieldsOf(part['image'])
  return [image === null ? part : { ...part, image_url: fieldsOf(image['image'] ?? image) }]
}

function textsOf(value: unknown, name: 'prompt' | 'completion'): readonly string[] {
  return (listOf(value) ?? []).flatMap((item) => textOf(fieldsOf(fieldsOf(item)?.[name])?.['text']) ?? [])
}

function promptMessages(prompts: readonly string[], messages: readonly ChatMessage[]): readonly ChatMessage[] {
  return prompts.length === 0 ? messages : prompts.map((content) => ({ role: 'user', content }))
}

function textChoice(content: string): ModelChoice {
  return { message: { role: 'assistant', content }, finishReason: null, tokenIds: null, logprobs: null }
}

function toolsOf(llm: Fields, report: Report): ModelCall['tools'] {
  const tools = listOf(llm['tools'])?.map((item) => fieldsOf(fieldsOf(item)?.['tool'])?.['json_schema'] ?? item)
  return toolDefinitionsOf(tools, 'llm.tools', report)
}
