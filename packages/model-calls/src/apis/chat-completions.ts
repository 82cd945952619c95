import { asText, type Fields, fieldsOf, listOf, numberOf, otherFields, textOf, tokenIdsOf } from '../loose.ts'
import type { ChatMessage, ModelCall, ModelChoice, ModelUsage, TokenLogprob, ToolCall, ToolDefinition } from '../model-call.ts'
import { contentPartOf } from './assistant-turn.ts'

const notParameters: ReadonlySet<string> = new Set(['model', 'messages', 'tools', 'functions'])
const messageFields: ReadonlySet<string> = new Set(['role', 'content', 'tool_calls', 'tool_call_id', 'function_call'])

/** OpenAI's Chat Completions, with what vLLM and LiteLLM add. */
export function readChatCompletions(request: Fields, answer: Fields): ModelCall {
  const tools = [...listOf(request.tools), ...listOf(request.functions)]
  const choices = choicesInOrder(answer)
  return {
    operation: 'chat',
    model: textOf(request.model),
    parameters: otherFields(request, notParameters),
    messages: listOf(request.messages).map((message) => readMessage(message, 'user')),
    tools: tools.length === 0 ? null : tools.map(readTool),
    responseId: textOf(answer.id),
    responseModel: textOf(answer.model),
    modelVersion: null,
    choices: choices.map((choice, index) => readChoice(choice, answer, index)),
    promptTokenIds: readPromptTokenIds(answer, choices),
    usage: readUsage(answer.usage),
  }
}

/** Choices by their index, which need not be the order they are listed in. */
export function choicesInOrder(answer: Fields): readonly Fields[] {
  const choices = listOf(answer.choices).map(fieldsOf)
  return choices.length < 2 ? choices : choices.toSorted((a, b) => (numberOf(a.index) ?? 0) - (numberOf(b.index) ?? 0))
}

/** vLLM says it of a chat at the top, of a completion with each choice; LiteLLM moves either aside. */
export function readPromptTokenIds(answer: Fields, choices: readonly Fields[]): readonly number[] | null {
  return (
    tokenIdsOf(answer.prompt_token_ids) ??
    tokenIdsOf(fieldsOf(answer.provider_specific_fields).prompt_token_ids) ??
    tokenIdsOf(choices[0]?.prompt_token_ids)
  )
}

/** Of vLLM as it is, as LiteLLM passes it on, and as vLLM was before 0.10.2 with the reference's patch: one list per choice. */
export function readResponseTokenIds(choice: Fields, answer: Fields, index: number): readonly number[] | null {
  const lists = listOf(answer.response_token_ids)
  return (
    tokenIdsOf(choice.token_ids) ??
    tokenIdsOf(fieldsOf(choice.provider_specific_fields).token_ids) ??
    tokenIdsOf(lists[index]) ??
    (index === 0 ? tokenIdsOf(lists) : null)
  )
}

export function readUsage(value: unknown): ModelUsage | null {
  const usage = fieldsOf(value)
  const inputTokens = numberOf(usage.prompt_tokens ?? usage.input_tokens)
  const outputTokens = numberOf(usage.completion_tokens ?? usage.output_tokens)
  return inputTokens === null && outputTokens === null ? null : { inputTokens, outputTokens }
}

/** Entries of `logprobs.content`; null when they are not what they should be. */
export function readTokenLogprobs(value: unknown): readonly TokenLogprob[] | null {
  if (!Array.isArray(value) || value.length === 0) return null
  return value.every((entry) => numberOf(fieldsOf(entry).logprob) !== null) ? value : null
}

/** Tools in the form of Chat Completions, in the flat one of Responses, and built-in ones, which have a type for a name. */
export function readTool(value: unknown): ToolDefinition {
  const tool = fieldsOf(value)
  const nested = tool.function ?? tool.custom
  const definition = nested === undefined ? tool : fieldsOf(nested)
  const description = textOf(definition.description)
  const parameters = definition.parameters ?? definition.input_schema
  return {
    type: 'function',
    function: {
      name: textOf(definition.name) ?? textOf(tool.type) ?? '',
      ...(description !== null && { description }),
      ...(parameters !== undefined && parameters !== null && { parameters }),
    },
  }
}

function readChoice(choice: Fields, answer: Fields, index: number): ModelChoice {
  return {
    message: readMessage(choice.message, 'assistant'),
    finishReason: textOf(choice.finish_reason),
    tokenIds: readResponseTokenIds(choice, answer, index),
    logprobs: readTokenLogprobs(fieldsOf(choice.logprobs).content),
  }
}

function readMessage(value: unknown, role: string): ChatMessage {
  const message = fieldsOf(value)
  const calls = listOf(message.tool_calls).map(readToolCall)
  // What tool calls were before 2023-11.
  if (calls.length === 0 && message.function_call != null) calls.push(readToolCall({ function: message.function_call }))
  const toolCallId = textOf(message.tool_call_id)
  return {
    ...otherFields(message, messageFields),
    role: textOf(message.role) ?? role,
    content: readContent(message.content),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(toolCallId !== null && { tool_call_id: toolCallId }),
  }
}

function readContent(content: unknown): ChatMessage['content'] {
  if (typeof content === 'string') return content
  if (Array.isArray(content)) return content.length === 0 ? null : content.map(contentPartOf)
  return content === null || content === undefined ? null : asText(content)
}

function readToolCall(value: unknown): ToolCall {
  const call = fieldsOf(value)
  const called = fieldsOf(call.function ?? call.custom)
  return toolCall(call.id, called.name, called.arguments ?? called.input)
}

export function toolCall(id: unknown, name: unknown, given: unknown): ToolCall {
  return { id: textOf(id) ?? '', type: 'function', function: { name: textOf(name) ?? '', arguments: asText(given) } }
}
