import type { ModelApi } from '../model-api.ts'

/** One answer of each API, event by event, with all that its stream can hold. */
export interface RecordedStream {
  readonly api: ModelApi
  readonly events: readonly Readonly<Record<string, unknown>>[]
}

const chatHead = { id: 'c-1', object: 'chat.completion.chunk', created: 1, model: 'm' }
function chatChunk(index: number, delta: object, more: object = {}): Readonly<Record<string, unknown>> {
  return { ...chatHead, choices: [{ index, delta, finish_reason: null, ...more }] }
}
const logprob = (token: string, value: number) => ({ token, logprob: value, bytes: null, top_logprobs: [] })

export const chat: RecordedStream = {
  api: 'chat_completions',
  events: [
    { ...chatChunk(0, { role: 'assistant', content: '' }), prompt_token_ids: [1, 2, 3] },
    chatChunk(1, { role: 'assistant', content: '' }),
    chatChunk(0, { content: 'hel' }, { token_ids: [7], logprobs: { content: [logprob('hel', -1)], refusal: null } }),
    chatChunk(1, { content: 'other' }, { token_ids: [5] }),
    chatChunk(0, { content: 'lö\n ' }, { token_ids: [8, 9], logprobs: { content: [logprob('lö\n ', -2)], refusal: null } }),
    chatChunk(0, { tool_calls: [{ index: 0, id: 't1', type: 'function', function: { name: 'f', arguments: '' } }] }),
    chatChunk(0, { tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] }),
    chatChunk(0, { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
    chatChunk(0, { tool_calls: [{ index: 1, id: 't2', type: 'function', function: { name: 'g', arguments: '{}' } }] }),
    chatChunk(1, {}, { finish_reason: 'stop' }),
    chatChunk(0, {}, { finish_reason: 'tool_calls' }),
    { ...chatHead, choices: [], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } },
  ],
}

const textHead = { id: 'cmpl-1', object: 'text_completion', created: 1, model: 'm' }
export const completion: RecordedStream = {
  api: 'completions',
  events: [
    {
      ...textHead,
      choices: [
        {
          index: 0,
          text: ' up',
          token_ids: [5],
          prompt_token_ids: [3],
          logprobs: { tokens: [' up'], token_logprobs: [-1], text_offset: [4] },
        },
      ],
    },
    {
      ...textHead,
      choices: [
        {
          index: 0,
          text: 'on',
          token_ids: [6],
          finish_reason: 'stop',
          logprobs: { tokens: ['on'], token_logprobs: [-2], text_offset: [7] },
        },
      ],
    },
    { ...textHead, choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } },
  ],
}

const thought = { type: 'summary_text', text: 'Easy enough.' }
const reasoning = { type: 'reasoning', id: 'rs', summary: [thought] }
const said = { type: 'output_text', text: '12 crowns.', annotations: [], logprobs: [logprob('12 crowns.', -0.5)] }
const message = { type: 'message', id: 'msg', role: 'assistant', status: 'completed', content: [said] }
const called = { type: 'function_call', id: 'fc', call_id: 'c1', name: 'f', arguments: '{"a":1}', status: 'completed' }
const responseHead = {
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  model: 'm',
  status: 'in_progress',
  error: null,
  output: [],
  tools: [],
}

function responseEvents(): RecordedStream['events'] {
  const events = [
    { type: 'response.created', response: responseHead },
    { type: 'response.in_progress', response: responseHead },
    { type: 'response.output_item.added', output_index: 0, item: { ...reasoning, summary: [] } },
    {
      type: 'response.reasoning_summary_part.added',
      item_id: 'rs',
      output_index: 0,
      summary_index: 0,
      part: { ...thought, text: '' },
    },
    { type: 'response.reasoning_summary_text.delta', item_id: 'rs', output_index: 0, summary_index: 0, delta: 'Easy ' },
    { type: 'response.reasoning_summary_text.delta', item_id: 'rs', output_index: 0, summary_index: 0, delta: 'enough.' },
    { type: 'response.output_item.done', output_index: 0, item: reasoning },
    { type: 'response.output_item.added', output_index: 1, item: { ...message, status: 'in_progress', content: [] } },
    {
      type: 'response.content_part.added',
      item_id: 'msg',
      output_index: 1,
      content_index: 0,
      part: { ...said, text: '', logprobs: [] },
    },
    { type: 'response.output_text.delta', item_id: 'msg', output_index: 1, content_index: 0, delta: '12 ', logprobs: [] },
    {
      type: 'response.output_text.delta',
      item_id: 'msg',
      output_index: 1,
      content_index: 0,
      delta: 'crowns.',
      logprobs: said.logprobs,
    },
    {
      type: 'response.output_text.done',
      item_id: 'msg',
      output_index: 1,
      content_index: 0,
      text: said.text,
      logprobs: said.logprobs,
    },
    { type: 'response.output_item.added', output_index: 2, item: { ...called, arguments: '', status: 'in_progress' } },
    { type: 'response.function_call_arguments.delta', item_id: 'fc', output_index: 2, delta: '{"a"' },
    { type: 'response.function_call_arguments.delta', item_id: 'fc', output_index: 2, delta: ':1}' },
    { type: 'response.function_call_arguments.done', item_id: 'fc', output_index: 2, arguments: called.arguments, name: 'f' },
    { type: 'response.output_item.done', output_index: 2, item: called },
    {
      type: 'response.completed',
      response: {
        ...responseHead,
        status: 'completed',
        output: [reasoning, message, called],
        usage: { input_tokens: 3, output_tokens: 4, total_tokens: 7 },
      },
    },
  ]
  return events.map((event, index) => ({ ...event, sequence_number: index }))
}
export const response: RecordedStream = { api: 'responses', events: responseEvents() }

const delta = (index: number, change: object) => ({ type: 'content_block_delta', index, delta: change })
const begin = (index: number, block: object) => ({ type: 'content_block_start', index, content_block: block })
const stop = (index: number) => ({ type: 'content_block_stop', index })
export const messages: RecordedStream = {
  api: 'messages',
  events: [
    {
      type: 'message_start',
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'claude',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 10, cache_read_input_tokens: 5, cache_creation_input_tokens: 0, output_tokens: 1 },
      },
    },
    begin(0, { type: 'thinking', thinking: '', signature: '' }),
    { type: 'ping' },
    delta(0, { type: 'thinking_delta', thinking: 'I look ' }),
    delta(0, { type: 'thinking_delta', thinking: 'it up.' }),
    delta(0, { type: 'signature_delta', signature: 'sig' }),
    stop(0),
    begin(1, { type: 'text', text: '' }),
    delta(1, { type: 'text_delta', text: 'One ' }),
    delta(1, { type: 'text_delta', text: 'moment.' }),
    stop(1),
    begin(2, { type: 'tool_use', id: 't1', name: 'f', input: {} }),
    delta(2, { type: 'input_json_delta', partial_json: '' }),
    delta(2, { type: 'input_json_delta', partial_json: '{"a"' }),
    delta(2, { type: 'input_json_delta', partial_json: ':1}' }),
    stop(2),
    begin(3, { type: 'tool_use', id: 't2', name: 'g', input: {} }),
    stop(3),
    { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 9 } },
    { type: 'message_stop' },
  ],
}

export const streams: readonly RecordedStream[] = [chat, completion, response, messages]

/** As the services write them: Anthropic and Responses name each event, OpenAI's older APIs end with a mark. */
export function toText({ api, events }: RecordedStream): string {
  const named = api === 'messages' || api === 'responses'
  const lines = events.map((event) => `${named ? `event: ${String(event['type'])}\n` : ''}data: ${JSON.stringify(event)}\n\n`)
  return lines.join('') + (named ? '' : 'data: [DONE]\n\n')
}
