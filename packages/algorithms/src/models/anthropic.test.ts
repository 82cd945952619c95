import { describe, expect, it } from 'vitest'
import { createAnthropicModel } from './anthropic.ts'
import { answer, serveModel } from './model-server.test-support.ts'

const said = (...content: readonly object[]): object => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content,
  stop_reason: 'end_turn',
  usage: { input_tokens: 5, cache_read_input_tokens: 10, output_tokens: 3 },
})

describe('createAnthropicModel', () => {
  it.each(['', '/v1', '/v1/'])('asks the Messages API below a base URL that ends in "%s"', async (ending) => {
    const { url, seen } = await serveModel((response) =>
      answer(response, said({ type: 'thinking', thinking: 'Hm.' }, { type: 'text', text: 'Hi' }, { type: 'text', text: '.' })),
    )
    const model = createAnthropicModel({ baseUrl: url + ending, apiKey: 'sk-ant-0123456789', model: 'm' })
    const schema = { type: 'object' }
    const reply = await model.chat({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Yes?' },
        { role: 'user', content: 'Hello!' },
      ],
      temperature: 1,
      seed: 3,
      responseFormat: schema,
    })
    expect(reply).toEqual({ text: 'Hi.', usage: { promptTokens: 15, completionTokens: 3 }, finishReason: 'stop' })
    expect(seen[0]).toMatchObject({
      path: '/v1/messages',
      headers: { 'x-api-key': 'sk-ant-0123456789', 'anthropic-version': '2023-06-01' },
    })
    expect(seen[0]!.body).toEqual({
      model: 'm',
      max_tokens: 4096,
      system: 'Be brief.',
      messages: [
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Yes?' },
        { role: 'user', content: 'Hello!' },
      ],
      temperature: 1,
      output_config: { format: { type: 'json_schema', schema } },
    })
  })

  it('asks in words for what the API or the model does not take', async () => {
    const { url, seen } = await serveModel((response, { body }) => {
      if ('temperature' in body)
        answer(
          response,
          { type: 'error', error: { type: 'invalid_request_error', message: '`temperature` is deprecated for this model.' } },
          400,
        )
      else if ('output_config' in body)
        answer(response, { type: 'error', error: { message: 'output_config.format: this model does not support it' } }, 400)
      else answer(response, said({ type: 'text', text: '{}' }))
    })
    const model = createAnthropicModel({ baseUrl: url, model: 'm', maxTokens: 10 })
    const messages = [{ role: 'user', content: 'Go' }] as const
    await model.chat({ messages, temperature: 0, responseFormat: { title: 'Edit' }, maxTokens: 99 })
    expect(seen).toHaveLength(3)
    expect(seen[2]!.body).toMatchObject({ max_tokens: 99, system: expect.stringContaining('"title":"Edit"'), messages })
    await model.chat({ messages, responseFormat: 'json' })
    expect(seen[3]!.body).toMatchObject({ max_tokens: 10, system: expect.stringMatching(/^Answer with one JSON value/) })
  })

  it('asks again when the service is overloaded', async () => {
    const { url, seen } = await serveModel((response, _seen, index) => {
      if (index === 0) answer(response, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 529)
      else answer(response, { ...said({ type: 'text', text: 'Hi' }), stop_reason: 'max_tokens' })
    })
    const model = createAnthropicModel({ baseUrl: url, model: 'm', retry: { baseMs: 1 } })
    expect(await model.chat({ messages: [{ role: 'user', content: 'Hello' }] })).toMatchObject({ finishReason: 'length' })
    expect(seen).toHaveLength(2)
  })
})
