import { expect, test } from 'vitest'
import { readModelCall } from '../read.ts'

test('an operation of the user that has messages is no model call', () => {
  const attributes = {
    'agentlightning.operation.name': 'summarise',
    'agentlightning.operation.input.messages.0.role': 'user',
    'agentlightning.operation.input.messages.0.content': 'Hello',
    'agentlightning.operation.output': 'Hi',
  }
  expect(readModelCall({ name: 'agentlightning.operation', attributes })).toBeNull()
})

test('null is none, except where it was said', () => {
  const attributes = {
    'agentlightning.operation.input.model': 'm',
    'agentlightning.operation.input.stop': 'null',
    'agentlightning.operation.input.messages.0.role': 'user',
    'agentlightning.operation.input.messages.0.content': 'null',
    'agentlightning.operation.output.choices.0.message.content': 'null?',
    'agentlightning.operation.output.choices.0.finish_reason': 'null',
  }
  expect(readModelCall({ name: 'create', attributes })).toMatchObject({
    parameters: {},
    messages: [{ role: 'user', content: 'null' }],
    choices: [{ message: { content: 'null?' }, finishReason: null }],
  })
})
