import { type AnswerContext, type Api, createdAt, type StreamEvent } from './api.ts'
import { type JsonRecord, piecesOf, recordsOf, textOf, type Turn } from './model.ts'

/** OpenAI's Responses. */
export const responses: Api = {
  turns({ instructions, input }) {
    const before: readonly Turn[] = typeof instructions === 'string' ? [{ role: 'system', text: instructions }] : []
    if (typeof input === 'string') return [...before, { role: 'user', text: input }]
    return [...before, ...recordsOf(input).map(toTurn)]
  },
  toolNames: (body) => recordsOf(body['tools']).map(({ name }) => String(name)),
  write: (context) => responseOf(context, 'completed', [itemOf(context)]),
  stream(context) {
    const events: StreamEvent[] = []
    const send = (type: string, fields: JsonRecord): void =>
      void events.push({ event: type, data: { type, sequence_number: events.length, ...fields } })
    const item = itemOf(context)
    const at = { item_id: item['id'], output_index: 0 }
    send('response.created', { response: responseOf(context, 'in_progress', []) })
    if (context.answer.toolCall === null) {
      const { text } = context.answer
      const part = { type: 'output_text', text, annotations: [], logprobs: [] }
      send('response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress', content: [] } })
      send('response.content_part.added', { ...at, content_index: 0, part: { ...part, text: '' } })
      for (const delta of piecesOf(text)) send('response.output_text.delta', { ...at, content_index: 0, delta, logprobs: [] })
      send('response.output_text.done', { ...at, content_index: 0, text, logprobs: [] })
      send('response.content_part.done', { ...at, content_index: 0, part })
    } else {
      const text = context.answer.toolCall.arguments
      send('response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress', arguments: '' } })
      for (const delta of piecesOf(text)) send('response.function_call_arguments.delta', { ...at, delta })
      send('response.function_call_arguments.done', { ...at, name: context.answer.toolCall.name, arguments: text })
    }
    send('response.output_item.done', { output_index: 0, item })
    send('response.completed', { response: responseOf(context, 'completed', [item]) })
    return events
  },
}

function toTurn(item: JsonRecord): Turn {
  if (item['type'] === 'function_call') {
    return { role: 'assistant', text: '', toolCalls: [{ name: String(item['name']), arguments: String(item['arguments']) }] }
  }
  if (item['type'] === 'function_call_output') return { role: 'tool', text: textOf(item['output']) }
  const text = textOf(item['content'])
  if (item['role'] === 'assistant') return { role: 'assistant', text, toolCalls: [] }
  return { role: item['role'] === 'user' ? 'user' : 'system', text }
}

function itemOf({ answer, number }: AnswerContext): JsonRecord {
  if (answer.toolCall !== null) {
    return { type: 'function_call', id: `fc_${number}`, call_id: `call_${number}`, ...answer.toolCall, status: 'completed' }
  }
  const content = [{ type: 'output_text', text: answer.text, annotations: [], logprobs: [] }]
  return { type: 'message', id: `msg_${number}`, role: 'assistant', content, status: 'completed' }
}

function responseOf({ body, answer, number }: AnswerContext, status: string, output: readonly JsonRecord[]): JsonRecord {
  const [input, written] = [answer.promptTokens.length, answer.answerTokens.length]
  const usage = {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: written,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + written,
  }
  return {
    id: `resp_${number}`,
    object: 'response',
    created_at: createdAt,
    status,
    error: null,
    incomplete_details: null,
    instructions: body['instructions'] ?? null,
    model: body['model'],
    output,
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: body['tools'] ?? [],
    top_p: 1,
    metadata: {},
    usage: status === 'completed' ? usage : null,
  }
}
