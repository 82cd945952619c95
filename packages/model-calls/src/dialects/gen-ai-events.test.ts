import type { Attributes } from '@agl/types'
import { expect, test } from 'vitest'
import { explainModelCall, readModelCall } from '../read.ts'

function span(...events: readonly (readonly [string, Attributes])[]) {
  return {
    name: 'chat',
    attributes: { 'gen_ai.operation.name': 'chat' },
    events: events.map(([name, attributes]) => ({ name, attributes, timestamp: null })),
  }
}

test('text that happens to be a JSON list is what was said', () => {
  const call = readModelCall(span(['gen_ai.user.message', { content: '[1, 2, 3]' }]))
  expect(call?.messages).toEqual([{ role: 'user', content: '[1, 2, 3]' }])
})

test('an assistant message and a choice with calls in an attribute of their own', () => {
  const calls = JSON.stringify([{ id: 'c1', type: 'function', function: { name: 'price', arguments: '{}' } }])
  const { call, problems } = explainModelCall(
    span(
      ['gen_ai.assistant.message', { role: 'assistant', tool_calls: calls }],
      ['gen_ai.tool.message', { id: 'c1', content: '12' }],
      ['gen_ai.choice', { index: 0, finish_reason: 'tool_calls', tool_calls: calls }],
    ),
  )
  const toolCall = { id: 'c1', type: 'function', function: { name: 'price', arguments: '{}' } }
  expect(call?.messages).toEqual([
    { role: 'assistant', content: null, tool_calls: [toolCall] },
    { role: 'tool', content: '12', tool_call_id: 'c1' },
  ])
  expect(call?.choices).toEqual([
    {
      message: { role: 'assistant', content: null, tool_calls: [toolCall] },
      finishReason: 'tool_calls',
      tokenIds: null,
      logprobs: null,
    },
  ])
  expect(problems).toEqual([])
})

test('malformed bodies are reported', () => {
  const { problems } = explainModelCall(
    span(['gen_ai.user.message', { 'gen_ai.event.content': '{"content": "Hel' }], ['gen_ai.choice', { message: '[{"te' }]),
  )
  expect(problems).toEqual([
    expect.stringContaining('gen_ai.user.message: expected JSON'),
    expect.stringContaining('gen_ai.user.message[0]: the message holds no content'),
    expect.stringContaining('gen_ai.choice: expected JSON'),
    expect.stringContaining('gen_ai.choice: the message holds no content'),
  ])
})

test('events of other kinds are nobody’s messages', () => {
  expect(readModelCall({ ...span(['gen_ai.content.completion.chunk', {}], ['exception', {}]), attributes: {} })).toBeNull()
})
