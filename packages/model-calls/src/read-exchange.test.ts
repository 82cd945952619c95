import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ModelApi } from './model-api.ts'
import { readExchange } from './read-exchange.ts'

const schema = { type: 'object', properties: { item: { type: 'string' } } }
const tools = [{ type: 'function', function: { name: 'get_price', description: 'The price', parameters: schema } }]
const call = (id: string, given = '{"item":"lamp"}') => ({
  id,
  type: 'function',
  function: { name: 'get_price', arguments: given },
})

describe('Chat Completions', () => {
  const request = {
    model: 'policy',
    messages: [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'user',
        name: 'ann',
        content: [
          { type: 'text', text: 'This?' },
          { type: 'image_url', image_url: { url: 'https://x.example/lamp.png' } },
        ],
      },
      { role: 'assistant', content: null, refusal: null, tool_calls: [call('c1'), call('c2')] },
      { role: 'tool', tool_call_id: 'c1', content: '12' },
    ],
    tools,
    temperature: 0.5,
    max_completion_tokens: 9,
    stop: ['\n'],
    seed: null,
  }
  const answer = {
    id: 'chatcmpl-1',
    model: 'policy@3',
    choices: [
      { index: 1, message: { role: 'assistant', content: 'b' }, finish_reason: 'length', token_ids: [9] },
      {
        index: 0,
        message: { role: 'assistant', content: 'a', annotations: [], reasoning_content: 'hm' },
        finish_reason: 'stop',
        token_ids: [7, 8],
        logprobs: { content: [{ token: 'a', logprob: -0.25, bytes: [97] }] },
      },
    ],
    prompt_token_ids: [1, 2, 3],
    usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 },
  }

  it('are read whole, choices by their index', () => {
    expect(readExchange({ api: 'chat_completions', request, answer })).toEqual({
      operation: 'chat',
      model: 'policy',
      parameters: { temperature: 0.5, max_completion_tokens: 9, stop: ['\n'] },
      messages: [
        { role: 'developer', content: 'Be brief.' },
        request.messages[1],
        { role: 'assistant', content: null, tool_calls: [call('c1'), call('c2')] },
        { role: 'tool', tool_call_id: 'c1', content: '12' },
      ],
      tools,
      responseId: 'chatcmpl-1',
      responseModel: 'policy@3',
      modelVersion: null,
      choices: [
        {
          message: { role: 'assistant', content: 'a', reasoning_content: 'hm' },
          finishReason: 'stop',
          tokenIds: [7, 8],
          logprobs: [{ token: 'a', logprob: -0.25, bytes: [97] }],
        },
        { message: { role: 'assistant', content: 'b' }, finishReason: 'length', tokenIds: [9], logprobs: null },
      ],
      promptTokenIds: [1, 2, 3],
      usage: { inputTokens: 3, outputTokens: 3 },
    })
  })

  it('without an answer have no choices', () => {
    const read = readExchange({ api: 'chat_completions', request, answer: null })
    expect(read).toMatchObject({ model: 'policy', choices: [], responseId: null, usage: null, promptTokenIds: null })
  })

  const choice = { index: 0, message: { content: 'a' } }
  it.each([
    ['LiteLLM', { choices: [{ ...choice, provider_specific_fields: { token_ids: [4] } }] }],
    ['vLLM before 0.10.2', { choices: [choice], response_token_ids: [[4]] }],
    ['a list for the only choice', { choices: [choice], response_token_ids: [4] }],
  ])('give token ids as %s has them', (_who, body) => {
    const { choices } = readExchange({ api: 'chat_completions', request, answer: body })
    expect(choices[0]!.tokenIds).toEqual([4])
  })

  it.each([[[1, 'a']], [[1.5]], [[]], ['1,2'], [{}]])('take %j for no token ids', (ids) => {
    const answer = { choices: [{ ...choice, token_ids: ids }], prompt_token_ids: ids }
    const read = readExchange({ api: 'chat_completions', request, answer })
    expect([read.promptTokenIds, read.choices[0]!.tokenIds]).toEqual([null, null])
  })

  it('keep functions and function calls of the time before tools', () => {
    const read = readExchange({
      api: 'chat_completions',
      request: { messages: [], functions: [{ name: 'f', parameters: schema }] },
      answer: { choices: [{ message: { content: null, function_call: { name: 'f', arguments: '{}' } } }] },
    })
    expect(read.tools).toEqual([{ type: 'function', function: { name: 'f', parameters: schema } }])
    const called = { id: '', type: 'function', function: { name: 'f', arguments: '{}' } }
    expect(read.choices[0]!.message.tool_calls).toEqual([called])
  })

  it('keep custom tools, whose input is no JSON', () => {
    const read = readExchange({
      api: 'chat_completions',
      request: { messages: [], tools: [{ type: 'custom', custom: { name: 'run', description: 'Runs it' } }] },
      answer: { choices: [{ message: { tool_calls: [{ id: 'c', type: 'custom', custom: { name: 'run', input: 'ls' } }] } }] },
    })
    expect(read.tools).toEqual([{ type: 'function', function: { name: 'run', description: 'Runs it' } }])
    const called = { id: 'c', type: 'function', function: { name: 'run', arguments: 'ls' } }
    expect(read.choices[0]!.message.tool_calls).toEqual([called])
  })
})

describe('Completions', () => {
  it('are read with their log-probabilities side by side', () => {
    const read = readExchange({
      api: 'completions',
      request: { model: 'm', prompt: 'Once', max_tokens: 2 },
      answer: {
        id: 'cmpl-1',
        choices: [
          {
            index: 0,
            text: ' upon',
            finish_reason: 'length',
            logprobs: { tokens: [' up', 'on'], token_logprobs: [-1, -2], text_offset: [4, 7] },
            token_ids: [5, 6],
            prompt_token_ids: [3],
          },
        ],
        usage: { prompt_tokens: 1, completion_tokens: 2 },
      },
    })
    expect(read).toMatchObject({
      operation: 'text_completion',
      messages: [{ role: 'user', content: 'Once' }],
      parameters: { max_tokens: 2 },
      promptTokenIds: [3],
    })
    expect(read.choices).toEqual([
      {
        message: { role: 'assistant', content: ' upon' },
        finishReason: 'length',
        tokenIds: [5, 6],
        logprobs: [
          { token: ' up', logprob: -1 },
          { token: 'on', logprob: -2 },
        ],
      },
    ])
  })

  it.each([
    ['several texts', ['a', 'b'], [{ content: 'a' }, { content: 'b' }], null],
    ['token ids', [1, 2], [], [1, 2]],
    ['one list of token ids', [[1, 2]], [], [1, 2]],
    ['several lists of token ids', [[1], [2]], [], null],
  ])('take %s as a prompt', (_what, prompt, messages, promptTokenIds) => {
    const read = readExchange({ api: 'completions', request: { prompt }, answer: null })
    expect(read).toMatchObject({ messages, promptTokenIds })
  })

  it('with echo have no log-probabilities to align', () => {
    const logprobs = { tokens: ['a', 'b'], token_logprobs: [null, -1] }
    const read = readExchange({ api: 'completions', request: {}, answer: { choices: [{ text: 'ab', logprobs }] } })
    expect(read.choices[0]!.logprobs).toBeNull()
  })
})

describe('Responses', () => {
  const request = {
    model: 'gpt',
    instructions: 'Be brief.',
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'Price?' },
          { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'auto' },
        ],
      },
      { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'I look it up.' }] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'One moment.', annotations: [] }] },
      { type: 'function_call', call_id: 'c1', name: 'get_price', arguments: '{"item":"lamp"}' },
      { type: 'function_call', call_id: 'c2', name: 'get_price', arguments: '{"item":"lamp"}' },
      { type: 'function_call_output', call_id: 'c1', output: '12' },
      { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: '13' }] },
      { type: 'item_reference', id: 'msg_1' },
    ],
    tools: [
      { type: 'function', name: 'get_price', description: 'The price', parameters: schema, strict: true },
      { type: 'web_search' },
    ],
    max_output_tokens: 50,
    previous_response_id: null,
  }
  const answer = {
    id: 'resp_1',
    model: 'gpt-1',
    status: 'completed',
    error: null,
    output: [
      { type: 'reasoning', id: 'rs_2', summary: [], content: [{ type: 'reasoning_text', text: 'Easy.' }] },
      {
        type: 'message',
        role: 'assistant',
        content: [
          { type: 'output_text', text: '12 crowns.', annotations: [], logprobs: [{ token: '12', logprob: -0.5, bytes: [] }] },
        ],
      },
      { type: 'function_call', id: 'fc_1', call_id: 'c3', name: 'get_price', arguments: '{}' },
    ],
    usage: { input_tokens: 10, output_tokens: 4, total_tokens: 14 },
  }

  it('become the turns of a chat', () => {
    expect(readExchange({ api: 'responses', request, answer })).toEqual({
      operation: 'chat',
      model: 'gpt',
      parameters: { max_output_tokens: 50 },
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Price?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'auto' } },
          ],
        },
        { role: 'assistant', content: 'One moment.', reasoning_content: 'I look it up.', tool_calls: [call('c1'), call('c2')] },
        { role: 'tool', content: '12', tool_call_id: 'c1' },
        { role: 'tool', content: '13', tool_call_id: 'c2' },
        { role: 'assistant', content: [{ type: 'item_reference', id: 'msg_1' }] },
      ],
      tools: [...tools, { type: 'function', function: { name: 'web_search' } }],
      responseId: 'resp_1',
      responseModel: 'gpt-1',
      modelVersion: null,
      choices: [
        {
          message: { role: 'assistant', content: '12 crowns.', reasoning_content: 'Easy.', tool_calls: [call('c3', '{}')] },
          finishReason: 'tool_calls',
          tokenIds: null,
          logprobs: [{ token: '12', logprob: -0.5, bytes: [] }],
        },
      ],
      promptTokenIds: null,
      usage: { inputTokens: 10, outputTokens: 4 },
    })
  })

  it('take text for input', () => {
    const read = readExchange({ api: 'responses', request: { input: 'hi' }, answer: null })
    expect(read.messages).toEqual([{ role: 'user', content: 'hi' }])
  })

  it.each([
    [{ status: 'completed', output: [] }, 'stop'],
    [{ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, output: [] }, 'length'],
    [{ status: 'incomplete', incomplete_details: { reason: 'content_filter' }, output: [] }, 'content_filter'],
    [{ status: 'in_progress', output: [] }, null],
  ])('say how %j ended: %s', (answer, finishReason) => {
    expect(readExchange({ api: 'responses', request, answer }).choices[0]!.finishReason).toBe(finishReason)
  })

  it('keep what the service did by itself, beside the text', () => {
    const search = { type: 'web_search_call', id: 'ws_1', status: 'completed' }
    const output = [search, { type: 'message', content: [{ type: 'output_text', text: 'Found.' }] }]
    const read = readExchange({ api: 'responses', request, answer: { output } })
    expect(read.choices[0]!.message.content).toEqual([search, { type: 'text', text: 'Found.' }])
  })
})

describe('Messages', () => {
  const request = {
    model: 'claude',
    max_tokens: 100,
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Price?' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
          { type: 'image', source: { type: 'url', url: 'https://x.example/lamp.png' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'I look it up.', signature: 's' },
          { type: 'text', text: 'One moment.' },
          { type: 'tool_use', id: 'c1', name: 'get_price', input: { item: 'lamp' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'c1', content: [{ type: 'text', text: '12' }] },
          { type: 'tool_result', tool_use_id: 'c2', content: 'no such thing', is_error: true },
          { type: 'text', text: 'Well?' },
        ],
      },
    ],
    tools: [
      { name: 'get_price', description: 'The price', input_schema: schema },
      { type: 'web_search_20260209', name: 'web_search' },
    ],
    tool_choice: { type: 'auto' },
  }
  const answer = {
    id: 'msg_1',
    model: 'claude-1',
    role: 'assistant',
    content: [
      { type: 'text', text: 'It costs ', citations: null },
      { type: 'text', text: '12 crowns.' },
      { type: 'tool_use', id: 'c3', name: 'get_price', input: {} },
    ],
    stop_reason: 'tool_use',
    usage: { input_tokens: 10, cache_read_input_tokens: 100, cache_creation_input_tokens: 5, output_tokens: 4 },
  }

  it('become the turns of a chat', () => {
    expect(readExchange({ api: 'messages', request, answer })).toEqual({
      operation: 'chat',
      model: 'claude',
      parameters: { max_tokens: 100, tool_choice: { type: 'auto' } },
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Price?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
            { type: 'image_url', image_url: { url: 'https://x.example/lamp.png' } },
          ],
        },
        { role: 'assistant', content: 'One moment.', reasoning_content: 'I look it up.', tool_calls: [call('c1')] },
        { role: 'tool', content: '12', tool_call_id: 'c1' },
        { role: 'tool', content: 'no such thing', tool_call_id: 'c2', is_error: true },
        { role: 'user', content: 'Well?' },
      ],
      tools: [...tools, { type: 'function', function: { name: 'web_search' } }],
      responseId: 'msg_1',
      responseModel: 'claude-1',
      modelVersion: null,
      choices: [
        {
          message: { role: 'assistant', content: 'It costs 12 crowns.', tool_calls: [call('c3', '{}')] },
          finishReason: 'tool_calls',
          tokenIds: null,
          logprobs: null,
        },
      ],
      promptTokenIds: null,
      usage: { inputTokens: 115, outputTokens: 4 },
    })
  })

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['refusal', 'content_filter'],
    ['pause_turn', 'pause_turn'],
    ['constructor', 'constructor'],
    [null, null],
  ])('%s is %s', (stopReason, finishReason) => {
    const read = readExchange({ api: 'messages', request, answer: { content: [], stop_reason: stopReason } })
    expect(read.choices[0]!.finishReason).toBe(finishReason)
  })
})

it('nothing that JSON can be makes reading throw', () => {
  // Keys of the real bodies, so that the values get to where they are read.
  const keys = fc.constantFrom(
    'model',
    'messages',
    'role',
    'content',
    'tool_calls',
    'function',
    'arguments',
    'tools',
    'choices',
    'message',
    'prompt',
    'input',
    'output',
    'type',
    'summary',
    'system',
    'usage',
    'logprobs',
    'token_logprobs',
    'id',
    'index',
    'text',
    'source',
    '__proto__',
    'token_ids',
    'provider_specific_fields',
    'response_token_ids',
    'status',
    'name',
    'instructions',
  )
  const types = fc.constantFrom('message', 'function_call', 'reasoning', 'tool_use', 'tool_result', 'image', 'text', 'assistant')
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 7 },
      types,
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie('json'), { maxLength: 3 }),
      fc.dictionary(keys, tie('json'), { maxKeys: 6 }),
    ),
  }))
  const apis = fc.constantFrom<ModelApi>('chat_completions', 'completions', 'responses', 'messages')
  fc.assert(
    fc.property(apis, json, json, (api, request, answer) => {
      const read = readExchange({ api, request, answer })
      expect(read.messages.every(({ role }) => typeof role === 'string')).toBe(true)
    }),
    { numRuns: 2000 },
  )
})
