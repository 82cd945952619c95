import { type Attributes, modelCallAttributes as names, type Span } from '@agl/types'
import { indexedGroups } from '@agl/types/spans'
import { type Fields, fieldsOf, numberOf, parseJson, textOf, tokenIdsOf } from '../loose.ts'
import type {
  ChatMessage,
  ContentPart,
  ModelCall,
  ModelChoice,
  ModelUsage,
  TokenLogprob,
  ToolCall,
  ToolDefinition,
} from '../model-call.ts'

/**
 * `gen_ai.prompt.{i}.*` and `gen_ai.completion.{i}.*`: the form of AgentOps, Traceloop and our own `modelCallToAttributes`,
 * whose inverse this is. Null for a span that holds none of it.
 */
export function readGenAiIndexed({ attributes }: Pick<Span, 'attributes'>): ModelCall | null {
  const messages = indexedGroups(attributes, names.prompt)
  const answers = indexedGroups(attributes, names.completion)
  const promptTokenIds = tokenIdsOf(attributes[names.promptTokenIds])
  const isEmpty = messages.length === 0 && answers.length === 0 && promptTokenIds === null
  if (isEmpty && tokenIdsOf(attributes[names.responseTokenIds]) === null) return null
  const tools = readTools(attributes)
  return {
    operation: readOperation(attributes),
    model: textOf(attributes[names.requestModel]),
    parameters: readParameters(attributes),
    messages: messages.map((group) => readMessage(group, 'user', promptFields)),
    tools: tools.length === 0 ? null : tools,
    responseId: textOf(attributes[names.responseId]),
    responseModel: textOf(attributes[names.responseModel]),
    modelVersion: textOf(attributes[names.modelVersion]),
    choices: readChoices(attributes, answers),
    promptTokenIds,
    usage: readUsage(attributes),
  }
}

/** Traceloop says it with a name of its own. */
function readOperation(attributes: Attributes): ModelCall['operation'] {
  const isText = attributes[names.operationName] === 'text_completion' || attributes['llm.request.type'] === 'completion'
  return isText ? 'text_completion' : 'chat'
}

function readParameters(attributes: Attributes): Fields {
  const start = `${names.request}.`
  const parameters: [string, unknown][] = []
  for (const key in attributes) {
    if (!key.startsWith(start) || key === names.requestModel || key.startsWith(`${names.requestFunctions}.`)) continue
    const value = attributes[key]
    const isJson = typeof value === 'string' && /^[[{]/.test(value)
    parameters.push([key.slice(start.length), (isJson ? parseJson(value) : null) ?? value])
  }
  return Object.fromEntries(parameters)
}

function readTools(attributes: Attributes): readonly ToolDefinition[] {
  const ours = indexedGroups(attributes, names.requestFunctions)
  const groups = ours.length > 0 ? ours : indexedGroups(attributes, 'llm.request.functions')
  return groups.map(({ name, description, parameters }): ToolDefinition => {
    const described = textOf(description)
    return {
      type: 'function',
      function: {
        name: textOf(name) ?? '',
        ...(described !== null && { description: described }),
        ...(parameters !== undefined && {
          parameters: typeof parameters === 'string' ? (parseJson(parameters) ?? parameters) : parameters,
        }),
      },
    }
  })
}

/** Where nobody wrote down what was said, token ids alone make a choice. */
function readChoices(attributes: Attributes, answers: readonly Fields[]): readonly ModelChoice[] {
  const firstTokenIds = tokenIdsOf(attributes[names.responseTokenIds])
  const groups = answers.length === 0 && firstTokenIds !== null ? [{}] : answers
  const finishReasons = attributes[names.responseFinishReasons]
  return groups.map((group: Fields, index) => ({
    message: readMessage(group, 'assistant', completionFields),
    finishReason: textOf(group.finish_reason) ?? (textOf(Array.isArray(finishReasons) ? finishReasons[index] : null) || null),
    tokenIds: index === 0 ? firstTokenIds : tokenIdsOf(group.token_ids),
    logprobs: readLogprobs(index === 0 ? attributes[names.logprobsContent] : group.logprobs),
  }))
}

const promptFields: ReadonlySet<string> = new Set(['role', 'content', 'tool_call_id'])
const completionFields: ReadonlySet<string> = new Set([...promptFields, 'finish_reason', 'token_ids', 'logprobs'])

function readMessage(group: Fields, role: string, named: ReadonlySet<string>): ChatMessage {
  const others: [string, unknown][] = []
  let hasCalls = false
  for (const field in group) {
    if (field.startsWith('tool_calls.') || field.startsWith('function_call.')) hasCalls = true
    else if (!named.has(field)) others.push([field, group[field]])
  }
  const calls = hasCalls ? readToolCalls(group) : []
  const toolCallId = textOf(group.tool_call_id)
  return {
    ...Object.fromEntries(others),
    role: textOf(group.role) ?? role,
    // AgentOps writes None beside tool calls, which arrives as this text.
    content: calls.length > 0 && group.content === 'null' ? null : readContent(group.content),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(toolCallId !== null && { tool_call_id: toolCallId }),
  }
}

function readToolCalls(group: Fields): readonly ToolCall[] {
  const calls = indexedGroups(group as Attributes, 'tool_calls').map(({ id, name, arguments: given }) =>
    toolCall(id, name, given),
  )
  // Traceloop's, of the time before tool calls.
  return calls.length > 0 ? calls : [toolCall('', group['function_call.name'], group['function_call.arguments'])]
}

function toolCall(id: unknown, name: unknown, given: unknown): ToolCall {
  return { id: textOf(id) ?? '', type: 'function', function: { name: textOf(name) ?? '', arguments: textOf(given) ?? '' } }
}

/** Text that is a list of parts is one. */
function readContent(value: unknown): ChatMessage['content'] {
  const content = textOf(value)
  if (content === null || !/^\[\s*\{/.test(content)) return content
  const parts = parseJson(content)
  const isParts = Array.isArray(parts) && parts.every((part) => typeof fieldsOf(part).type === 'string')
  return isParts ? (parts as readonly ContentPart[]) : content
}

function readLogprobs(value: unknown): readonly TokenLogprob[] | null {
  const logprobs = typeof value === 'string' ? parseJson(value) : null
  return Array.isArray(logprobs) ? logprobs : null
}

/** The second names are those of earlier conventions. */
function readUsage(attributes: Attributes): ModelUsage | null {
  const inputTokens = numberOf(attributes[names.inputTokens] ?? attributes['gen_ai.usage.prompt_tokens'])
  const outputTokens = numberOf(attributes[names.outputTokens] ?? attributes['gen_ai.usage.completion_tokens'])
  return inputTokens === null && outputTokens === null ? null : { inputTokens, outputTokens }
}
