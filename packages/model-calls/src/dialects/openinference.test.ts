import { expect, test } from 'vitest'
import { explainModelCall, readModelCall } from '../read.ts'

const llm = { 'openinference.span.kind': 'LLM' }

test('the bodies stand in for messages that are not there', () => {
  const call = readModelCall({
    name: 'llm',
    attributes: {
      ...llm,
      'input.value': JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hello' }], temperature: 0 }),
      'output.value': JSON.stringify({
        id: 'chatcmpl-1',
        prompt_token_ids: [1],
        choices: [{ message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop', token_ids: [2, 3] }],
      }),
    },
  })
  expect(call).toMatchObject({
    model: 'm',
    parameters: { temperature: 0 },
    messages: [{ role: 'user', content: 'Hello' }],
    responseId: 'chatcmpl-1',
    choices: [{ message: { content: 'Hi' }, tokenIds: [2, 3] }],
    promptTokenIds: [1],
  })
})

test('indices that are far apart, out of order or no numbers', () => {
  const { call } = explainModelCall({
    name: 'llm',
    attributes: {
      ...llm,
      'llm.input_messages.900000000.message.content': 'second',
      'llm.input_messages.900000000.message.role': 'user',
      'llm.input_messages.10.message.role': 'system',
      'llm.input_messages.10.message.content': 'first',
    },
  })
  expect(call?.messages).toEqual([
    { role: 'system', content: 'first' },
    { role: 'user', content: 'second' },
  ])
  const odd = { ...llm, 'llm.input_messages.x.message.role': 'user', 'llm.input_messages': 'none' }
  expect(readModelCall({ name: 'llm', attributes: odd })?.messages).toEqual([])
})

test('calls without ids are reported where no body tells them', () => {
  const { call, problems } = explainModelCall({
    name: 'llm',
    attributes: {
      ...llm,
      'llm.output_messages.0.message.role': 'assistant',
      'llm.output_messages.0.message.tool_calls.0.tool_call.function.name': 'price',
      'output.value': '{"something":"else"}',
    },
  })
  expect(call?.choices[0]?.message.tool_calls).toEqual([
    { id: '', type: 'function', function: { name: 'price', arguments: '{}' } },
  ])
  expect(problems).toEqual([expect.stringContaining('llm.output_messages[0].tool_calls[0]: the tool call has no id')])
})

test('several choices, and several items of one answer', () => {
  const attributes = {
    ...llm,
    'llm.output_messages.0.message.role': 'assistant',
    'llm.output_messages.0.message.content': 'a',
    'llm.output_messages.1.message.role': 'assistant',
    'llm.output_messages.1.message.content': 'b',
    'llm.finish_reason': 'stop',
  }
  const choices = readModelCall({ name: 'llm', attributes })?.choices
  expect(choices?.map(({ message, finishReason }) => [message.content, finishReason])).toEqual([
    ['a', 'stop'],
    ['b', null],
  ])
  const one = readModelCall({
    name: 'llm',
    attributes: {
      ...attributes,
      'output.value': '{"object":"response","output":[{"type":"message","content":"a"},{"type":"message","content":"b"}]}',
    },
  })
  expect(one?.choices.map(({ message }) => message.content)).toEqual([
    [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ],
  ])
})

test('other kinds are none', () => {
  for (const kind of ['CHAIN', 'AGENT', 'TOOL', 'EMBEDDING']) {
    const attributes = { 'openinference.span.kind': kind, 'llm.input_messages.0.message.content': 'Hello' }
    expect(readModelCall({ name: kind, attributes })).toBeNull()
  }
})
