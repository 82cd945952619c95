import type { Attributes, SpanEvent } from '@agl/types'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { agentNameOf } from './agent-name.ts'
import { imageUrlsOf } from './image-urls.ts'
import { isRicher } from './is-richer.ts'
import { explainModelCall, readModelCall } from './read.ts'

const chat = {
  name: 'chat m',
  attributes: {
    'gen_ai.operation.name': 'chat',
    'gen_ai.output.messages': '[{"role":"assistant","parts":[{"type":"text","content":"Hi"}]}]',
  },
}

test('a span without any mark of a call explains nothing', () => {
  expect(explainModelCall({ name: 'GET /', attributes: { 'http.method': 'GET', gen_aix: 1 } })).toEqual({
    call: null,
    dialect: null,
    problems: [],
  })
})

test('token ids and log-probabilities that instrumentation adds go to the first choice, whatever the dialect', () => {
  const { call } = explainModelCall({
    ...chat,
    attributes: {
      ...chat.attributes,
      prompt_token_ids: [1, 2],
      response_token_ids: '[3]',
      'logprobs.content': '[{"token":"Hi","logprob":-0.5}]',
    },
  })
  expect(call).toMatchObject({
    promptTokenIds: [1, 2],
    choices: [{ message: { content: 'Hi' }, tokenIds: [3], logprobs: [{ token: 'Hi', logprob: -0.5 }] }],
  })
})

test('token ids alone are an answer', () => {
  const call = readModelCall({ name: 'openai.chat.completion', attributes: { prompt_token_ids: [1], response_token_ids: [2] } })
  expect(call?.choices).toEqual([
    { message: { role: 'assistant', content: null }, finishReason: null, tokenIds: [2], logprobs: null },
  ])
})

test('token ids beside a call of which nothing was said', () => {
  const attributes = { 'gen_ai.operation.name': 'chat', prompt_token_ids: [1], response_token_ids: [2] }
  const { call, problems } = explainModelCall({ name: 'x', attributes })
  expect(call).toMatchObject({ promptTokenIds: [1], choices: [{ tokenIds: [2] }] })
  expect(problems).toEqual([])
})

test('malformed token ids are reported', () => {
  const attributes = {
    ...chat.attributes,
    prompt_token_ids: [1.5],
    response_token_ids: 'ids',
    'logprobs.content': '[{"token":"Hi"}]',
  }
  const { call, problems } = explainModelCall({ ...chat, attributes })
  expect(call?.promptTokenIds).toBeNull()
  expect(problems).toEqual([
    expect.stringContaining('prompt_token_ids: expected a list of token ids'),
    expect.stringContaining('response_token_ids: expected a list of token ids'),
    expect.stringContaining('logprobs.content: expected a list of { token, logprob }'),
  ])
})

test('of several dialects in one span the one with content is read', () => {
  const both = {
    ...chat.attributes,
    'ai.operationId': 'ai.generateText.doGenerate',
    'ai.prompt.messages': '[{"role":"user","content":"Hello"}]',
    'openinference.span.kind': 'LLM',
    'llm.input_messages.0.message.content': 'other',
  }
  expect(explainModelCall({ name: 'x', attributes: both }).dialect).toBe('ai_sdk')
  const empty = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': 'm',
    'gen_ai.prompt': '[{"role":"user","content":"Hello"}]',
  }
  expect(explainModelCall({ name: 'x', attributes: empty })).toMatchObject({ dialect: 'gen_ai_text', problems: [] })
})

test('a record that is malformed throughout does not say so for ever', () => {
  const messages = JSON.stringify(Array.from({ length: 1000 }, () => 0))
  const { problems } = explainModelCall({ name: 'chat', attributes: { ...chat.attributes, 'gen_ai.input.messages': messages } })
  expect(problems).toHaveLength(20)
})

const keys = [
  'gen_ai.operation.name',
  'gen_ai.input.messages',
  'gen_ai.output.messages',
  'gen_ai.system_instructions',
  'gen_ai.tool.definitions',
  'gen_ai.prompt',
  'gen_ai.completion',
  'gen_ai.prompt.0.role',
  'gen_ai.prompt.0.content',
  'gen_ai.completion.0.tool_calls.0.name',
  'gen_ai.completion.0.function_call.name',
  'gen_ai.request.functions.0.parameters',
  'gen_ai.request.stop_sequences',
  'gen_ai.response.finish_reasons',
  'gen_ai.agent.name',
  'openinference.span.kind',
  'llm.input_messages.0.message.role',
  'llm.input_messages.0.message.contents.0.message_content.type',
  'llm.input_messages.0.message.tool_calls.0.tool_call.function.arguments',
  'llm.input_messages.__proto__.message',
  'llm.output_messages.0.message.content',
  'llm.output_messages.1.message',
  'llm.invocation_parameters',
  'llm.tools.0.tool.json_schema',
  'llm.prompts.0.prompt.text',
  'llm.hosted_vllm.messages',
  'llm.hosted_vllm.choices',
  'llm.hosted_vllm.response_token_ids',
  'llm.hosted_vllm.__proto__',
  'input.value',
  'output.value',
  'ai.operationId',
  'ai.prompt.messages',
  'ai.prompt.tools',
  'ai.response.text',
  'ai.response.toolCalls',
  'ai.response.files',
  'agentlightning.operation.input.messages.0.content',
  'agentlightning.operation.input.model',
  'agentlightning.operation.output.choices.0.message',
  'agentlightning.operation.output.choices.0.token_ids',
  'langfuse.observation.type',
  'langfuse.observation.input',
  'langfuse.observation.output',
  'langfuse.observation.usage_details',
  'langsmith.metadata.invocation_params',
  'prompt_token_ids',
  'response_token_ids',
  'logprobs.content',
  'metadata',
]

/** Fields that one of the readers looks at, so that what is made up gets deep into them. */
const fieldNames = [
  'role',
  'content',
  'parts',
  'type',
  'text',
  'tool_calls',
  'function',
  'name',
  'arguments',
  'id',
  'messages',
  'choices',
]
  .concat([
    'message',
    'kwargs',
    'lc',
    'generations',
    'output',
    'tools',
    'parameters',
    'source',
    'data',
    'image_url',
    'url',
    'usage',
    'summary',
  ])
  .concat([
    'logprobs',
    'token_ids',
    'candidates',
    'toolResult',
    'toolUse',
    'inlineData',
    'additional_kwargs',
    'response',
    'value',
    '__proto__',
  ])

const words = fc.constantFrom(
  'chat',
  'LLM',
  'generation',
  'ai.generateText.doGenerate',
  'assistant',
  'tool',
  'text',
  'tool_call',
  'tool_result',
)
const leaf = fc.oneof(
  words,
  fc.constantFrom('image', 'file', 'blob', 'reasoning', 'http://x', '', null, true, 0, -1.5),
  fc.string(),
)
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'medium' },
    leaf,
    fc.array(tie('json'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.constantFrom(...fieldNames), tie('json')), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries)),
  ),
}))
const text = fc.oneof(
  json.map((value) => JSON.stringify(value)),
  json.map((value) => JSON.stringify(value).replaceAll('"', "'")),
  json.map((value) => JSON.stringify(value).slice(0, 20)),
)
/** Structured values are no attributes, but a span may come from anywhere. */
const value = fc.oneof(text, leaf, json, fc.array(fc.integer()), fc.array(text))
const attributes = fc
  .array(fc.tuple(fc.constantFrom(...keys), value), { maxLength: 12 })
  .map((entries) => Object.fromEntries(entries))
const eventNames = [
  'gen_ai.user.message',
  'gen_ai.choice',
  'gen_ai.content.prompt',
  'gen_ai.client.inference.operation.details',
  'logprobs',
  'x',
]
const eventKeys = [
  'content',
  'message',
  'tool_calls',
  'gen_ai.event.content',
  'gen_ai.prompt',
  'gen_ai.input.messages',
  'logprobs',
]
const event = fc.record({
  name: fc.constantFrom(...eventNames),
  attributes: fc
    .array(fc.tuple(fc.constantFrom(...eventKeys), value), { maxLength: 3 })
    .map((entries) => Object.fromEntries(entries)),
  timestamp: fc.constant(null),
})

test('never throws, and what it answers is a whole call', () => {
  let calls = 0
  fc.assert(
    fc.property(attributes, fc.array(event, { maxLength: 3 }), (made, events) => {
      const span = { name: 'raw_gen_ai_request', attributes: made as Attributes, events: events as unknown as SpanEvent[] }
      const { call, dialect } = explainModelCall(span)
      agentNameOf(span)
      expect(dialect === null).toBe(call === null)
      if (call === null) return
      calls++
      imageUrlsOf(call.messages)
      for (const { role, content } of [...call.messages, ...call.choices.map(({ message }) => message)]) {
        expect(typeof role).toBe('string')
        expect(content === null || typeof content === 'string' || content.every((part) => typeof part.type === 'string')).toBe(
          true,
        )
      }
      for (const { message } of call.choices) {
        expect(message.role).toBe('assistant')
        for (const { id, function: called } of message.tool_calls ?? []) {
          expect([typeof id, typeof called.name, typeof called.arguments]).toEqual(['string', 'string', 'string'])
        }
      }
      expect(isRicher(call, call)).toBe(false)
    }),
    { numRuns: 3000 },
  )
  expect(calls).toBeGreaterThan(300)
})

test('what is nested without end is no danger', () => {
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  const record = `${'{"content":'.repeat(5000)}1${'}'.repeat(5000)}`
  for (const key of keys) {
    for (const content of [deep, record, `[{"role":"user","parts":[{"type":"tool_call","name":"f","arguments":${deep}}]}]`]) {
      const base = { 'gen_ai.operation.name': 'chat', 'openinference.span.kind': 'LLM', 'ai.operationId': 'ai.x.doGenerate' }
      expect(() => explainModelCall({ name: 'raw_gen_ai_request', attributes: { ...base, [key]: content } })).not.toThrow()
    }
  }
  const long = { 'openinference.span.kind': 'LLM', [`llm.input_messages.0${'.a'.repeat(50_000)}`]: 1 }
  expect(() => readModelCall({ name: 'llm', attributes: long })).not.toThrow()
})

test('neither is what is long without end', () => {
  const many = `[${'{},'.repeat(150_000)}{}]`
  const calls = `{"role":"assistant","content":"a","tool_calls":${many}}`
  const attributes: Attributes = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.input.messages': `[${calls}]`,
    'gen_ai.output.messages': many,
  }
  expect(readModelCall({ name: 'chat', attributes })?.messages[0]?.tool_calls).toHaveLength(150_001)
  const prompt = { name: 'gen_ai.content.prompt', attributes: { 'gen_ai.prompt': many }, timestamp: null }
  const completion = { name: 'gen_ai.content.completion', attributes: { 'gen_ai.completion': many }, timestamp: null }
  expect(readModelCall({ name: 'chat', attributes: {}, events: [prompt, completion] })?.messages).toHaveLength(150_001)
})
