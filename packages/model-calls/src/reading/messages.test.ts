import { expect, test } from 'vitest'
import { choiceOf, instructionsOf, mergedChoice, messagesOf } from './messages.ts'

function read(value: unknown) {
  const problems: string[] = []
  return { messages: messagesOf(value, 'in', (problem) => problems.push(problem)), problems }
}

const call = (id: string) => ({ id, type: 'function', function: { name: 'price', arguments: '{}' } })

test('items of OpenAI’s Responses: parallel calls are one message, results one each', () => {
  const { messages, problems } = read([
    {
      role: 'user',
      content: [
        { type: 'input_text', text: 'a' },
        { type: 'input_image', image_url: 'http://x/y.png' },
      ],
    },
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'hm' }] },
    { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'price', arguments: '{}' },
    { type: 'function_call', id: 'fc_2', call_id: 'c2', name: 'price', arguments: '{}' },
    { type: 'function_call_output', call_id: 'c1', output: '12' },
    { type: 'function_call_output', call_id: 'c2', output: '3' },
    {
      type: 'message',
      role: 'assistant',
      content: [
        { type: 'output_text', text: 'b' },
        { type: 'refusal', refusal: 'no' },
      ],
    },
  ])
  expect(problems).toEqual([])
  expect(messages).toEqual([
    {
      role: 'user',
      content: [
        { type: 'text', text: 'a' },
        { type: 'image_url', image_url: { url: 'http://x/y.png' } },
      ],
    },
    { role: 'assistant', content: null, tool_calls: [call('c1'), call('c2')], reasoning_content: 'hm' },
    { role: 'tool', content: '12', tool_call_id: 'c1' },
    { role: 'tool', content: '3', tool_call_id: 'c2' },
    { role: 'assistant', content: 'b', refusal: 'no' },
  ])
})

test('content blocks of Anthropic: results go before what the user says with them', () => {
  const { messages, problems } = read([
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'hm' },
        { type: 'tool_use', id: 'c1', name: 'price', input: {} },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'and?' },
        { type: 'tool_result', tool_use_id: 'c1', content: [{ type: 'text', text: '12' }] },
        { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'AAAA' } },
      ],
    },
  ])
  expect(problems).toEqual([])
  expect(messages).toEqual([
    { role: 'assistant', content: null, tool_calls: [call('c1')], reasoning_content: 'hm' },
    { role: 'tool', content: '12', tool_call_id: 'c1' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'and?' },
        { type: 'image_url', image_url: { url: 'data:image/jpeg;base64,AAAA' } },
      ],
    },
  ])
})

test('OpenAI’s own messages stay what they are', () => {
  const messages = [
    { role: 'developer', content: 'Be brief.' },
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,', detail: 'low' } }], name: 'ann' },
    { role: 'assistant', content: null, tool_calls: [call('c1')] },
    {
      role: 'tool',
      content: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      tool_call_id: 'c1',
    },
    { role: 'assistant', content: '', reasoning_content: 'hm' },
  ]
  expect(read(messages)).toEqual({ messages, problems: [] })
})

test('messages of LangChain, as serialised, as plain records, and in a list of prompts', () => {
  const plain = [
    { type: 'system', data: { content: 'Be brief.' } },
    { type: 'human', content: 'a' },
    { type: 'ai', content: '', tool_calls: [{ id: 'c1', name: 'price', args: {} }] },
    { type: 'tool', content: '12', tool_call_id: 'c1', id: 'm1' },
  ]
  expect(read([plain])).toEqual({
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'a' },
      { role: 'assistant', content: '', tool_calls: [call('c1')] },
      { role: 'tool', content: '12', tool_call_id: 'c1' },
    ],
    problems: [],
  })
})

test('the legacy call of a function, and one without its name', () => {
  const { messages, problems } = read([
    { role: 'assistant', content: null, function_call: { name: 'price', arguments: '{}' } },
    { role: 'assistant', tool_calls: [{ id: 'c1', function: {} }, 3] },
  ])
  expect(messages).toEqual([
    { role: 'assistant', content: null, tool_calls: [call('')] },
    { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: '', arguments: '{}' } }] },
  ])
  expect(problems).toEqual([
    'in[0].function_call: the tool call has no id, so that no result can be told to be its own',
    'in[1].tool_calls[0]: the tool call names no tool',
    'in[1].tool_calls[1]: expected a tool call, got a value of type number; it is left out',
  ])
})

test('instructions as text, as parts and as messages', () => {
  const none = () => {}
  const said = [{ role: 'system', content: 'Be brief.' }]
  for (const value of ['Be brief.', [{ type: 'text', content: 'Be brief.' }], [{ text: 'Be brief.' }], said, said[0]]) {
    expect(instructionsOf(value, 'in', none)).toEqual(said)
  }
  expect([null, undefined, '', []].map((value) => instructionsOf(value, 'in', none))).toEqual([[], [], [], []])
})

test('an answer that is none is reported', () => {
  const problems: string[] = []
  const report = (problem: string) => problems.push(problem)
  expect(choiceOf(3, 'out', report).message).toEqual({ role: 'assistant', content: null })
  expect(mergedChoice([null, { type: 'text', text: 'a' }], 'out', report).message.content).toBe('a')
  expect(problems).toEqual([
    'out: expected the message of an answer, got a value of type number',
    'out[0]: expected an item of an answer, got null; it is left out',
  ])
})
