import type { AnswerContext, Api, StreamEvent } from './api.ts'
import { type JsonRecord, piecesOf, recordsOf, textOf, type Turn } from './model.ts'

/** Anthropic's Messages. */
export const messages: Api = {
  turns(body) {
    const system = textOf(body['system'])
    const before: readonly Turn[] = system === '' ? [] : [{ role: 'system', text: system }]
    return [...before, ...recordsOf(body['messages']).flatMap(toTurns)]
  },
  toolNames: (body) => recordsOf(body['tools']).map(({ name }) => String(name)),
  write: (context) => ({ ...messageOf(context), content: [blockOf(context)] }),
  stream(context) {
    const events: StreamEvent[] = []
    const send = (type: string, fields: JsonRecord): void => void events.push({ event: type, data: { type, ...fields } })
    const { stop_reason, stop_sequence, usage, ...message } = messageOf(context)
    const started = { ...message, content: [], stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: 1 } }
    send('message_start', { message: started })
    const block = blockOf(context)
    const isText = block['type'] === 'text'
    send('content_block_start', { index: 0, content_block: isText ? { ...block, text: '' } : { ...block, input: {} } })
    for (const piece of piecesOf(isText ? context.answer.text : context.answer.toolCall!.arguments)) {
      const delta = isText ? { type: 'text_delta', text: piece } : { type: 'input_json_delta', partial_json: piece }
      send('content_block_delta', { index: 0, delta })
    }
    send('content_block_stop', { index: 0 })
    send('message_delta', { delta: { stop_reason, stop_sequence }, usage: { output_tokens: usage.output_tokens } })
    send('message_stop', {})
    return events
  },
}

/** A message of the user may hold results of tools, each a turn of its own. */
function toTurns({ role, content }: JsonRecord): readonly Turn[] {
  const blocks = recordsOf(content)
  const text = textOf(content)
  if (role === 'assistant') {
    const used = blocks.filter(({ type }) => type === 'tool_use')
    const toolCalls = used.map(({ name, input }) => ({ name: String(name), arguments: JSON.stringify(input) }))
    return [{ role, text, toolCalls }]
  }
  const results = blocks.filter(({ type }) => type === 'tool_result')
  const turns: Turn[] = results.map((result) => ({ role: 'tool', text: textOf(result['content']) }))
  return text === '' ? turns : [...turns, { role: 'user', text }]
}

function blockOf({ answer, number }: AnswerContext): JsonRecord {
  if (answer.toolCall === null) return { type: 'text', text: answer.text, citations: null }
  const { name, arguments: text } = answer.toolCall
  return { type: 'tool_use', id: `toolu_${number}`, name, input: JSON.parse(text) as unknown }
}

function messageOf({ body, answer, number }: AnswerContext) {
  return {
    id: `msg_${number}`,
    type: 'message',
    role: 'assistant',
    model: body['model'],
    stop_reason: answer.toolCall === null ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: answer.promptTokens.length, output_tokens: answer.answerTokens.length },
  }
}
