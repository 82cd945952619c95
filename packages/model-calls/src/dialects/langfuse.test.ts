import { expect, test } from 'vitest'
import { explainModelCall, readModelCall } from '../read.ts'

test('messages of LangChain, and usage with parts that count', () => {
  const call = readModelCall({
    name: 'ChatOpenAI',
    attributes: {
      'langfuse.observation.type': 'generation',
      'langfuse.observation.input': '[{"role":"user","content":"Hello"}]',
      'langfuse.observation.output': '{"role":"assistant","content":"Hi"}',
      'langfuse.observation.usage_details':
        '{"input":2,"input_cached_tokens":5,"output":1,"output_reasoning_tokens":3,"total":11}',
    },
  })
  expect(call).toMatchObject({
    messages: [{ role: 'user', content: 'Hello' }],
    choices: [{ message: { role: 'assistant', content: 'Hi' } }],
    usage: { inputTokens: 7, outputTokens: 4 },
  })
})

test('other observations are none; what failed to serialise is reported', () => {
  expect(
    readModelCall({ name: 'x', attributes: { 'langfuse.observation.type': 'span', 'langfuse.observation.input': '[]' } }),
  ).toBeNull()
  const { problems } = explainModelCall({
    name: 'x',
    attributes: { 'langfuse.observation.type': 'generation', 'langfuse.observation.model.parameters': '<failed to serialize>' },
  })
  expect(problems[0]).toContain('langfuse.observation.model.parameters: expected JSON, got "<failed to serialize>"')
})
