import { expect, test } from 'vitest'
import { explainModelCall, readModelCall } from '../read.ts'

const user = { role: 'user', parts: [{ type: 'text', content: 'Hello' }] }

function chat(attributes: Record<string, string | number | string[]>) {
  return { name: 'chat m', attributes: { 'gen_ai.operation.name': 'chat', ...attributes } }
}

function input(...messages: readonly unknown[]) {
  return chat({ 'gen_ai.input.messages': JSON.stringify(messages) })
}

test('text that is cut off is reported, and the rest of the call is read', () => {
  const { call, problems } = explainModelCall(
    chat({ 'gen_ai.input.messages': '[{"role":"user","parts":[{"type":"te', 'gen_ai.output.messages': JSON.stringify([user]) }),
  )
  expect(call?.messages).toEqual([])
  expect(call?.choices).toHaveLength(1)
  expect(problems).toEqual([expect.stringContaining('gen_ai.input.messages: expected JSON')])
  expect(problems[0]).toContain('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT')
})

test('content that was not recorded is reported', () => {
  expect(explainModelCall(input({ role: 'user', parts: [] })).problems).toEqual([
    expect.stringContaining('gen_ai.input.messages[0]: the message holds no content'),
  ])
  expect(explainModelCall(input({ role: 'user', parts: [{ type: 'text' }] })).problems).toEqual([
    expect.stringContaining('[0][0]: the text part holds no text'),
    expect.stringContaining('the message holds no content'),
  ])
})

test('a missing role, a message that is none, a part that is none', () => {
  const { call, problems } = explainModelCall(
    input({ parts: [{ type: 'text', content: 'a' }] }, 3, { role: 'user', parts: [null, 'b'] }),
  )
  expect(call?.messages).toEqual([
    { role: 'user', content: 'a' },
    { role: 'user', content: 'b' },
  ])
  expect(problems).toEqual([
    expect.stringContaining('has no role'),
    expect.stringContaining('expected a message, got a value of type number'),
    expect.stringContaining('expected a part of a message, got null'),
  ])
})

test('a part that nobody knows stays as it came', () => {
  const part = { type: 'server_tool_call', id: 's1', name: 'search', server_tool_call: { query: 'lamp' } }
  expect(readModelCall(input({ role: 'assistant', parts: [part] }))?.messages).toEqual([{ role: 'assistant', content: [part] }])
})

test('results of tools that the provider ran stay with the answer', () => {
  const output = [
    {
      role: 'assistant',
      parts: [
        { type: 'tool_call', id: 's1', name: 'search', arguments: {} },
        { type: 'tool_call_response', id: 's1', response: 'found' },
        { type: 'text', content: 'Here.' },
      ],
    },
  ]
  const call = readModelCall(chat({ 'gen_ai.output.messages': JSON.stringify(output) }))
  expect(call?.choices[0]?.message).toEqual({
    role: 'assistant',
    content: [
      { type: 'text', text: 'Here.' },
      { type: 'tool_call_response', id: 's1', response: 'found' },
    ],
    tool_calls: [{ id: 's1', type: 'function', function: { name: 'search', arguments: '{}' } }],
  })
})

test('messages side by side are one answer unless something says they are choices', () => {
  const output = JSON.stringify([
    { role: 'assistant', parts: [{ type: 'tool_call', id: 'c1', name: 'price', arguments: '{}' }] },
    { role: 'assistant', parts: [{ type: 'text', content: 'Wait.' }] },
  ])
  const merged = readModelCall(chat({ 'gen_ai.output.messages': output, 'gen_ai.response.finish_reasons': ['tool_calls'] }))
  expect(merged?.choices).toHaveLength(1)
  expect(merged?.choices[0]).toMatchObject({
    finishReason: 'tool_calls',
    message: { content: 'Wait.', tool_calls: [{ id: 'c1' }] },
  })
  const two = readModelCall(chat({ 'gen_ai.output.messages': output, 'gen_ai.response.finish_reasons': ['stop', 'length'] }))
  expect(two?.choices.map(({ finishReason }) => finishReason)).toEqual(['stop', 'length'])
})

test('instructions that the messages begin with are not said twice', () => {
  const said = [{ role: 'system', parts: [{ type: 'text', content: 'Be brief.' }] }, user]
  const call = readModelCall(chat({ 'gen_ai.system_instructions': 'Be brief.', 'gen_ai.input.messages': JSON.stringify(said) }))
  expect(call?.messages).toEqual([
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hello' },
  ])
})

test('operations that are no inference are none, whatever they hold', () => {
  for (const operation of ['invoke_agent', 'create_agent', 'execute_tool', 'embeddings', 'agent_step', 'something_new']) {
    const { attributes } = chat({ 'gen_ai.operation.name': operation, 'gen_ai.output.messages': JSON.stringify([user]) })
    expect(readModelCall({ name: operation, attributes })).toBeNull()
  }
})
