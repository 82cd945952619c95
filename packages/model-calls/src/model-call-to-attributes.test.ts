import { isAttributeValue } from '@agl/types'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { modelCallToAttributes } from './model-call-to-attributes.ts'
import type { ModelCall } from './model-call.ts'
import { storableCall } from './model-call.test-support.ts'
import { readModelCall } from './read.ts'

const call: ModelCall = {
  operation: 'chat',
  model: 'policy',
  parameters: { temperature: 0.5, stop: ['\n'], response_format: { type: 'json_object' } },
  messages: [
    { role: 'user', content: [{ type: 'text', text: 'Price?' }] },
    { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    { role: 'tool', content: '12', tool_call_id: 'c1' },
  ],
  tools: [{ type: 'function', function: { name: 'f', description: 'The price', parameters: { type: 'object' } } }],
  responseId: 'r-1',
  responseModel: 'policy@3',
  modelVersion: 'v3',
  choices: [
    {
      message: { role: 'assistant', content: '12', reasoning_content: 'hm' },
      finishReason: 'stop',
      tokenIds: [7],
      logprobs: [{ token: '12', logprob: -1 }],
    },
    {
      message: { role: 'assistant', content: '13' },
      finishReason: null,
      tokenIds: [8],
      logprobs: [{ token: '13', logprob: -2 }],
    },
  ],
  promptTokenIds: [1, 2],
  usage: { inputTokens: 2, outputTokens: null },
}

describe('modelCallToAttributes', () => {
  it("writes the names that the reference's adapters read", () => {
    expect(modelCallToAttributes(call)).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'policy',
      'gen_ai.request.temperature': 0.5,
      'gen_ai.request.stop': ['\n'],
      'gen_ai.request.response_format': '{"type":"json_object"}',
      'gen_ai.request.functions.0.name': 'f',
      'gen_ai.request.functions.0.description': 'The price',
      'gen_ai.request.functions.0.parameters': '{"type":"object"}',
      'gen_ai.prompt.0.role': 'user',
      'gen_ai.prompt.0.content': '[{"type":"text","text":"Price?"}]',
      'gen_ai.prompt.1.role': 'assistant',
      'gen_ai.prompt.1.tool_calls.0.id': 'c1',
      'gen_ai.prompt.1.tool_calls.0.name': 'f',
      'gen_ai.prompt.1.tool_calls.0.arguments': '{}',
      'gen_ai.prompt.2.role': 'tool',
      'gen_ai.prompt.2.content': '12',
      'gen_ai.prompt.2.tool_call_id': 'c1',
      'gen_ai.response.id': 'r-1',
      'gen_ai.response.model': 'policy@3',
      'agl.model_version': 'v3',
      'gen_ai.response.finish_reasons': ['stop', ''],
      'gen_ai.usage.input_tokens': 2,
      'gen_ai.completion.0.role': 'assistant',
      'gen_ai.completion.0.content': '12',
      'gen_ai.completion.0.reasoning_content': 'hm',
      'gen_ai.completion.0.finish_reason': 'stop',
      response_token_ids: [7],
      'logprobs.content': '[{"token":"12","logprob":-1}]',
      'gen_ai.completion.1.role': 'assistant',
      'gen_ai.completion.1.content': '13',
      'gen_ai.completion.1.token_ids': [8],
      'gen_ai.completion.1.logprobs': '[{"token":"13","logprob":-2}]',
      prompt_token_ids: [1, 2],
    })
  })

  it('is undone by readModelCall', () => {
    fc.assert(
      fc.property(storableCall, (call) => {
        const attributes = modelCallToAttributes(call)
        expect(Object.values(attributes).every(isAttributeValue)).toBe(true)
        expect(readModelCall({ name: 'any', attributes })).toEqual(call)
      }),
      { numRuns: 500 },
    )
  })

  it('takes the content of a message for what it was, though it looks like JSON', () => {
    for (const content of ['[1]', '[{"a":1}]', '{"type":"text"}', '[', '[{"type":"text"}', '[]']) {
      const attributes = modelCallToAttributes({ ...call, messages: [{ role: 'user', content }] })
      expect(readModelCall({ name: 'any', attributes })!.messages).toEqual([{ role: 'user', content }])
    }
  })
})

describe('readModelCall', () => {
  it('reads what Traceloop and AgentOps name otherwise', () => {
    const attributes = {
      'llm.request.type': 'completion',
      'llm.request.functions.0.name': 'f',
      'llm.request.functions.0.parameters': '{"type":"object"}',
      'gen_ai.prompt.0.content': 'hi',
      'gen_ai.completion.0.function_call.name': 'f',
      'gen_ai.completion.0.function_call.arguments': '{}',
      'gen_ai.usage.prompt_tokens': 3,
      'gen_ai.usage.completion_tokens': 4,
      'gen_ai.response.finish_reasons': ['stop'],
    }
    expect(readModelCall({ name: 'openai.completion', attributes })).toMatchObject({
      operation: 'text_completion',
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
      messages: [{ role: 'user', content: 'hi' }],
      choices: [
        { message: { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '{}' } }] }, finishReason: 'stop' },
      ],
      usage: { inputTokens: 3, outputTokens: 4 },
    })
  })

  it('makes a choice of token ids alone', () => {
    const read = readModelCall({ name: 'any', attributes: { response_token_ids: [1], prompt_token_ids: [2] } })
    expect(read).toMatchObject({
      promptTokenIds: [2],
      choices: [{ tokenIds: [1], message: { role: 'assistant', content: null } }],
    })
  })

  it('takes no other span for a call', () => {
    expect(readModelCall({ name: 'tool_call.f', attributes: { 'tool.name': 'f', 'gen_ai.request.model': 'm' } })).toBeNull()
  })
})
