import type { ModelExchange } from '@agl/model-calls'

type Fields = Readonly<Record<string, unknown>>

/** What is read of a message of `@langchain/core` 1.2. */
export interface LangChainMessage {
  /** `human`, `ai`, `system`, `tool` ...; a `generic` one has a role of its own. */
  readonly type: string
  readonly content: unknown
}

/** What is read of an `LLMResult`. */
export interface LangChainResult {
  readonly generations: readonly (readonly { readonly text: string }[])[]
}

/** A run of a model as Chat Completions would have seen it: LangChain's own form for every provider. */
export function toExchange(
  messages: readonly LangChainMessage[],
  parameters: Fields,
  result: LangChainResult | null,
): ModelExchange {
  const request = { ...parameters, messages: messages.map(toWireMessage) }
  return { api: 'chat_completions', request, answer: result === null ? null : toAnswer(result) }
}

const roles: Readonly<Record<string, string>> = { human: 'user', ai: 'assistant' }

function toWireMessage(message: LangChainMessage): Fields {
  const { type, content, role, name, tool_call_id, tool_calls, additional_kwargs } = message as LangChainMessage & Fields
  const calls = toWireCalls(tool_calls, fieldsOf(additional_kwargs)['tool_calls'])
  return {
    role: typeof role === 'string' ? role : (roles[type] ?? type),
    content,
    ...(calls !== null && { tool_calls: calls }),
    ...(typeof tool_call_id === 'string' && { tool_call_id }),
    ...(typeof name === 'string' && { name }),
  }
}

/** As the provider wrote them where LangChain kept that; else with the arguments put into JSON again. */
function toWireCalls(calls: unknown, asWritten: unknown): unknown {
  if (Array.isArray(asWritten) && asWritten.length > 0) return asWritten
  if (!Array.isArray(calls) || calls.length === 0) return null
  return calls.map((call: Fields) => ({
    id: call['id'],
    type: 'function',
    function: { name: call['name'], arguments: JSON.stringify(call['args']) },
  }))
}

function toAnswer({ generations: [generations = []] }: LangChainResult): Fields {
  const choices = generations.map((generation) => {
    const { text, message, generationInfo } = generation as Fields & { readonly text: string }
    const metadata = fieldsOf(fieldsOf(message)['response_metadata'])
    const info = { ...metadata, ...fieldsOf(generationInfo) }
    const said = message === undefined ? { role: 'assistant', content: text } : toWireMessage(message as LangChainMessage)
    return { message: said, finish_reason: info['finish_reason'] ?? info['stop_reason'], logprobs: info['logprobs'] }
  })
  const first = fieldsOf(fieldsOf(generations[0])['message'])
  const metadata = fieldsOf(first['response_metadata'])
  const usage = fieldsOf(first['usage_metadata'])
  return {
    id: metadata['id'] ?? first['id'],
    model: metadata['model_name'] ?? metadata['model'],
    choices,
    ...(usage['input_tokens'] !== undefined && {
      usage: { prompt_tokens: usage['input_tokens'], completion_tokens: usage['output_tokens'] },
    }),
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}
