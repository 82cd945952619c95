import { expect, test } from 'vitest'
import { explainModelCall, readModelCall } from '../read.ts'

const human = { lc: 1, type: 'constructor', id: ['langchain_core', 'messages', 'HumanMessage'], kwargs: { content: 'Hello' } }
const answer = {
  lc: 1,
  type: 'constructor',
  id: ['langchain_core', 'messages', 'AIMessageChunk'],
  kwargs: {
    content: '',
    id: 'chatcmpl-1',
    additional_kwargs: {
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'price', arguments: '{"item": "lamp"}' } }],
    },
    tool_calls: [{ id: 'c1', name: 'price', args: { item: 'lamp' }, type: 'tool_call' }],
    response_metadata: { model_name: 'm-1', finish_reason: 'tool_calls' },
    usage_metadata: { input_tokens: 3, output_tokens: 2 },
  },
}

test('inputs and outputs of a run of LangChain', () => {
  const { call, problems } = explainModelCall({
    name: 'ChatOpenAI',
    attributes: {
      'langsmith.span.kind': 'llm',
      'gen_ai.prompt': JSON.stringify({ messages: [[human]] }),
      'gen_ai.completion': JSON.stringify({ generations: [[{ text: '', message: answer }]], llmOutput: {} }),
      'langsmith.metadata.invocation_params': JSON.stringify({ tools: [{ name: 'price', schema: { type: 'object' } }] }),
    },
  })
  expect(problems).toEqual([])
  expect(call).toMatchObject({
    messages: [{ role: 'user', content: 'Hello' }],
    tools: [{ type: 'function', function: { name: 'price', parameters: { type: 'object' } } }],
    responseId: 'chatcmpl-1',
    responseModel: 'm-1',
    usage: { inputTokens: 3, outputTokens: 2 },
  })
  expect(call?.choices).toEqual([
    {
      message: {
        role: 'assistant',
        content: '',
        // As the model wrote them, not as they were parsed.
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'price', arguments: '{"item": "lamp"}' } }],
      },
      finishReason: 'tool_calls',
      tokenIds: null,
      logprobs: null,
    },
  ])
})

test('prompts and texts that are no JSON', () => {
  const call = readModelCall({ name: 'llm', attributes: { 'gen_ai.prompt': 'Hello', 'gen_ai.completion': 'Hi' } })
  expect(call?.messages).toEqual([{ role: 'user', content: 'Hello' }])
  expect(call?.choices[0]?.message).toEqual({ role: 'assistant', content: 'Hi' })
})

test('runs that are no call of a model', () => {
  for (const kind of ['chain', 'tool', 'prompt', 'retriever']) {
    const attributes = { 'langsmith.span.kind': kind, 'gen_ai.operation.name': 'chat', 'gen_ai.prompt': '{"messages":[]}' }
    expect(readModelCall({ name: kind, attributes })).toBeNull()
  }
})

test('an answer of unknown shape is reported', () => {
  const { problems } = explainModelCall({
    name: 'llm',
    attributes: { 'gen_ai.prompt': 'Hello', 'gen_ai.completion': '{"reply":"Hi","id":"1"}' },
  })
  expect(problems).toEqual(['gen_ai.completion: expected an answer, got fields "reply"; it is left out'])
})

test('bodies of Gemini', () => {
  const call = readModelCall({
    name: 'llm',
    attributes: {
      'gen_ai.prompt': JSON.stringify({
        systemInstruction: { parts: [{ text: 'Be brief.' }] },
        contents: [
          { role: 'user', parts: [{ text: 'Hello' }, { inlineData: { mimeType: 'image/png', data: 'AAAA' } }] },
          { role: 'model', parts: [{ functionCall: { id: 'c1', name: 'price', args: { item: 'lamp' } } }] },
          { role: 'user', parts: [{ functionResponse: { id: 'c1', name: 'price', response: { crowns: 12 } } }] },
        ],
        tools: [{ functionDeclarations: [{ name: 'price', parameters: { type: 'OBJECT' } }] }],
      }),
      'gen_ai.completion': JSON.stringify({
        candidates: [
          { content: { role: 'model', parts: [{ text: 'Hm.', thought: true }, { text: '12.' }] }, finishReason: 'STOP' },
        ],
        usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 },
        modelVersion: 'm-1',
        responseId: 'r1',
      }),
    },
  })
  expect(call).toMatchObject({
    messages: [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Hello' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [{ id: 'c1', function: { name: 'price', arguments: '{"item":"lamp"}' } }] },
      { role: 'tool', content: '{"crowns":12}', tool_call_id: 'c1' },
    ],
    tools: [{ function: { name: 'price' } }],
    choices: [{ message: { role: 'assistant', content: '12.', reasoning_content: 'Hm.' }, finishReason: 'stop' }],
    responseId: 'r1',
    responseModel: 'm-1',
    usage: { inputTokens: 3, outputTokens: 2 },
  })
})
