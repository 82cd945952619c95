import { expect, test } from 'vitest'
import { explainModelCall, readModelCall } from '../read.ts'

const inner = {
  'ai.operationId': 'ai.streamObject.doStream',
  'ai.model.id': 'm',
  'ai.prompt.messages': '[{"role":"user","content":"Hi"}]',
}

test('an object is the text of the answer', () => {
  const call = readModelCall({
    name: 'ai.streamObject.doStream',
    attributes: {
      ...inner,
      'ai.response.object': '{"crowns":12}',
      'ai.response.finishReason': 'content-filter',
      'ai.usage.promptTokens': 3,
    },
  })
  expect(call?.choices).toEqual([
    { message: { role: 'assistant', content: '{"crowns":12}' }, finishReason: 'content_filter', tokenIds: null, logprobs: null },
  ])
  expect(call).toMatchObject({ model: 'm', usage: { inputTokens: 3, outputTokens: null } })
})

test('a call that failed has no choice', () => {
  const { call, problems } = explainModelCall({ name: 'ai.streamObject.doStream', attributes: inner })
  expect(call?.choices).toEqual([])
  expect(call?.messages).toHaveLength(1)
  expect(problems).toEqual([])
})

test('files of an answer, and calls that are no JSON', () => {
  const { call, problems } = explainModelCall({
    name: 'ai.generateText.doGenerate',
    attributes: {
      ...inner,
      'ai.response.files': '[{"type":"file","mediaType":"image/png","data":"AAAA"}]',
      'ai.response.toolCalls': '[{"toolCallId"',
      'ai.prompt.tools': ['{"type":"function","name":"price","inputSchema":{"type":"object"}}', 'broken'],
    },
  })
  expect(call?.choices[0]?.message.content).toEqual([{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }])
  expect(call?.tools).toEqual([{ type: 'function', function: { name: 'price', parameters: { type: 'object' } } }])
  expect(problems).toEqual([
    'ai.prompt.tools[1]: expected the definition of a tool with a name, got "broken"; it is left out',
    expect.stringContaining('ai.response.toolCalls: expected JSON'),
  ])
})

test('what encloses the call, and what calls no language model, is none', () => {
  for (const operation of ['ai.generateText', 'ai.streamText', 'ai.toolCall', 'ai.embed', 'ai.embed.doEmbed']) {
    const attributes = { ...inner, 'ai.operationId': operation, 'ai.response.text': 'Hi', 'gen_ai.prompt': 'Hello' }
    expect(readModelCall({ name: operation, attributes })).toBeNull()
  }
})
