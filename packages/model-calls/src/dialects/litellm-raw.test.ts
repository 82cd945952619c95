import { expect, test } from 'vitest'
import { explainModelCall, readModelCall } from '../read.ts'

test('text that is neither JSON nor a Python literal is reported, and the rest is read', () => {
  const { call, problems } = explainModelCall({
    name: 'raw_gen_ai_request',
    attributes: {
      'llm.hosted_vllm.messages': "[{'role': 'user', 'content': 'Hel",
      'llm.hosted_vllm.choices': "[{'message': {'content': 'Hi'}, 'token_ids': [1, 'x']}]",
      'llm.hosted_vllm.stop': 'None',
      'llm.hosted_vllm.user': 'me',
    },
  })
  expect(call).toMatchObject({
    messages: [],
    parameters: { stop: null, user: 'me' },
    choices: [{ message: { content: 'Hi' }, tokenIds: null }],
  })
  expect(problems).toEqual([
    expect.stringContaining('llm.hosted_vllm.messages: expected JSON or a Python literal'),
    expect.stringContaining('choices[0].token_ids: expected a list of token ids'),
  ])
})

test('whoever names the span is read by its choices', () => {
  const attributes = { 'llm.openai.choices': '[{"message": {"content": "Hi"}}]' }
  expect(readModelCall({ name: 'my generation', attributes })?.choices).toHaveLength(1)
  expect(readModelCall({ name: 'my generation', attributes: { 'llm.choices': '[]', 'llm.openai.model': 'm' } })).toBeNull()
})

test('a plain completion, and what is no completion at all', () => {
  const call = readModelCall({
    name: 'raw_gen_ai_request',
    attributes: {
      'llm.openai.prompt': 'Once',
      'llm.openai.choices':
        "[{'text': ' upon', 'finish_reason': 'length', 'logprobs': {'tokens': [' upon'], 'token_logprobs': [-0.5]}}]",
    },
  })
  expect(call).toMatchObject({ operation: 'text_completion', messages: [{ role: 'user', content: 'Once' }] })
  expect(call?.choices).toEqual([
    {
      message: { role: 'assistant', content: ' upon' },
      finishReason: 'length',
      tokenIds: null,
      logprobs: [{ token: ' upon', logprob: -0.5 }],
    },
  ])
  expect(readModelCall({ name: 'raw_gen_ai_request', attributes: { 'llm.openai.data': '[{}]' } })).toBeNull()
})
