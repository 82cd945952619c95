import { type Attributes, type AttributeValue, isAttributeValue, modelCallAttributes as names } from '@agl/types'
import type { ChatMessage, ModelCall, ModelChoice, ToolDefinition } from './model-call.ts'

type Writing = Record<string, AttributeValue>

/**
 * A call as flat attributes: the form of AgentOps and of the reference, so that its adapters read it. `readModelCall` gives the
 * call back, but for what the form cannot tell apart: text that looks like a list of parts, and parameters that are text and look
 * like JSON; fields of messages that are objects come back as JSON text.
 */
export function modelCallToAttributes(call: ModelCall): Attributes {
  const attributes: Writing = { [names.operationName]: call.operation }
  put(attributes, names.requestModel, call.model)
  for (const name in call.parameters) put(attributes, `${names.request}.${name}`, call.parameters[name])
  for (const [index, tool] of (call.tools ?? []).entries()) putTool(attributes, `${names.requestFunctions}.${index}`, tool)
  for (const [index, message] of call.messages.entries()) putMessage(attributes, `${names.prompt}.${index}`, message)
  put(attributes, names.responseId, call.responseId)
  put(attributes, names.responseModel, call.responseModel)
  put(attributes, names.modelVersion, call.modelVersion)
  if (call.choices.length > 0) {
    attributes[names.responseFinishReasons] = call.choices.map(({ finishReason }) => finishReason ?? '')
  }
  put(attributes, names.inputTokens, call.usage?.inputTokens)
  put(attributes, names.outputTokens, call.usage?.outputTokens)
  for (const [index, choice] of call.choices.entries()) putChoice(attributes, index, choice)
  put(attributes, names.promptTokenIds, call.promptTokenIds)
  return attributes
}

function putChoice(attributes: Writing, index: number, { message, finishReason, tokenIds, logprobs }: ModelChoice): void {
  const key = `${names.completion}.${index}`
  putMessage(attributes, key, message)
  put(attributes, `${key}.finish_reason`, finishReason)
  put(attributes, index === 0 ? names.responseTokenIds : `${key}.token_ids`, tokenIds)
  // As text: an empty list would be an attribute as it is.
  put(attributes, index === 0 ? names.logprobsContent : `${key}.logprobs`, logprobs === null ? null : JSON.stringify(logprobs))
}

function putMessage(attributes: Writing, key: string, message: ChatMessage): void {
  attributes[`${key}.role`] = message.role
  for (const name in message) {
    if (name === 'role') continue
    if (name === 'tool_calls') putToolCalls(attributes, key, message)
    else if (name === 'content') put(attributes, `${key}.content`, contentText(message.content))
    else put(attributes, `${key}.${name}`, message[name])
  }
}

/** As text, so that a list of no parts is not taken for a list of no texts. */
function contentText(content: ChatMessage['content']): string | null {
  return typeof content === 'string' || content === null ? content : JSON.stringify(content)
}

function putToolCalls(attributes: Writing, key: string, message: ChatMessage): void {
  for (const [index, call] of (message.tool_calls ?? []).entries()) {
    attributes[`${key}.tool_calls.${index}.id`] = call.id
    attributes[`${key}.tool_calls.${index}.name`] = call.function.name
    attributes[`${key}.tool_calls.${index}.arguments`] = call.function.arguments
  }
}

function putTool(attributes: Writing, key: string, { function: tool }: ToolDefinition): void {
  attributes[`${key}.name`] = tool.name
  put(attributes, `${key}.description`, tool.description)
  if (tool.parameters !== undefined) attributes[`${key}.parameters`] = JSON.stringify(tool.parameters)
}

/** Null and nothing are not written; what no attribute can hold becomes JSON text. */
function put(attributes: Writing, key: string, value: unknown): void {
  if (value === null || value === undefined) return
  if (isAttributeValue(value)) attributes[key] = value
  else attributes[key] = JSON.stringify(value)
}
