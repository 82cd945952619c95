import {
  type ChatMessage,
  type ModelCall,
  type ModelChoice,
  readModelCall,
  type ToolCall,
  type ToolDefinition,
} from '@agl/model-calls'
import { type Attributes, modelCallAttributes as names, type Span } from '@agl/types'
import { indexedGroups } from '@agl/types/spans'

/** The call that a span records, with its tool calls and tools also where they lie flat among the attributes. */
export function readCall(span: Span): ModelCall | null {
  const call = readModelCall(span)
  if (call === null) return null
  const { attributes } = span
  const prompts = indexedGroups(attributes, names.prompt)
  const answers = indexedGroups(attributes, names.completion)
  const version = attributes['agl.model_version']
  return {
    ...call,
    messages: call.messages.map((message, index) => withToolCalls(message, prompts[index])),
    tools: call.tools ?? readTools(attributes),
    modelVersion: call.modelVersion ?? (typeof version === 'string' ? version : null),
    choices:
      call.choices.length === 0
        ? readBareAnswer(attributes)
        : call.choices.map((choice, index) => ({ ...choice, message: withToolCalls(choice.message, answers[index]) })),
  }
}

/** An answer of which only the tokens were recorded. */
function readBareAnswer(attributes: Attributes): readonly ModelChoice[] {
  const ids = attributes[names.responseTokenIds]
  if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => typeof id === 'number')) return []
  return [{ message: { role: 'assistant', content: null }, finishReason: null, tokenIds: ids, logprobs: null }]
}

function withToolCalls(message: ChatMessage, group: Attributes | undefined): ChatMessage {
  if (group === undefined || message.tool_calls !== undefined) return message
  const answered = group['tool_call_id']
  const toolCalls = indexedGroups(group, 'tool_calls').map(({ id, name, arguments: given }): ToolCall => ({
    id: String(id ?? ''),
    type: 'function',
    function: { name: String(name ?? ''), arguments: String(given ?? '') },
  }))
  return {
    ...message,
    ...(typeof answered === 'string' ? { tool_call_id: answered } : {}),
    ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
  }
}

function readTools(attributes: Attributes): readonly ToolDefinition[] | null {
  const tools = indexedGroups(attributes, 'gen_ai.request.functions').map(
    ({ name, description, parameters }): ToolDefinition => ({
      type: 'function',
      function: {
        name: String(name ?? ''),
        description: String(description ?? ''),
        ...(typeof parameters === 'string' ? { parameters: parseOr(parameters) } : {}),
      },
    }),
  )
  return tools.length === 0 ? null : tools
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
