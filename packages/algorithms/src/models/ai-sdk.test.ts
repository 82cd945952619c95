import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { describe, expect, it } from 'vitest'
import { type AiSdkResult, fromAiSdk } from './ai-sdk.ts'
import { answer, completion, serveModel } from './model-server.test-support.ts'

const messages = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hello' },
] as const

function provided(url: string): Parameters<typeof fromAiSdk>[0] {
  return createOpenAICompatible({
    name: 'desk',
    baseURL: `${url}/v1`,
    apiKey: 'sk-secret',
    supportsStructuredOutputs: true,
  }).chatModel('m')
}

describe('fromAiSdk', () => {
  it('asks through a provider of the AI SDK', async () => {
    const { url, seen } = await serveModel((response) => answer(response, completion('Hi.')))
    const model = fromAiSdk(provided(url))
    expect(model.name).toBe('desk.chat:m')
    const schema = { type: 'object', properties: {} }
    expect(await model.chat({ messages, temperature: 0.5, maxTokens: 9, seed: 1, responseFormat: schema })).toEqual({
      text: 'Hi.',
      usage: { promptTokens: 7, completionTokens: 2 },
      finishReason: 'stop',
    })
    expect(seen[0]!.body).toMatchObject({
      model: 'm',
      messages,
      temperature: 0.5,
      max_tokens: 9,
      seed: 1,
      response_format: { type: 'json_schema', json_schema: { schema } },
    })
  })

  it('tries again what may be mended, and nothing else', async () => {
    const { url, seen } = await serveModel((response, _seen, index) => {
      if (index === 0) answer(response, { error: { message: 'slow down' } }, 429, { 'retry-after': '0' })
      else if (index === 1) response.socket?.destroy()
      else if (index === 2) answer(response, completion('Hi.'))
      else answer(response, { error: { message: 'no such model' } }, 404)
    })
    const model = fromAiSdk(provided(url), { name: 'critic', retry: { baseMs: 1 } })
    expect((await model.chat({ messages })).text).toBe('Hi.')
    expect(seen).toHaveLength(3)
    const error = (await model.chat({ messages }).catch((thrown: unknown) => thrown)) as Error
    expect(error).toMatchObject({ isRetryable: false, data: { status: 404, url: `${url}/v1/chat/completions` } })
    expect(error.message).toMatch(/^critic failed with 404: .*no such model/)
    expect(seen).toHaveLength(4)
  })

  it('gives up what hangs, and ends with its signal', async () => {
    const [{ url }, waited] = [await serveModel(() => {}), await serveModel(() => {})]
    await expect(fromAiSdk(provided(url), { deadlineMs: 50 }).chat({ messages })).rejects.toMatchObject({ code: 'timeout' })
    const stop = new AbortController()
    const chatting = fromAiSdk(provided(waited.url)).chat({ messages, signal: stop.signal })
    await waited.count(1)
    stop.abort(new Error('enough'))
    await expect(chatting).rejects.toThrow('enough')
  })

  it.each<[string, Partial<AiSdkResult>]>([
    ['v2', { finishReason: 'content-filter', usage: { inputTokens: 4, outputTokens: undefined } }],
    [
      'v4',
      {
        finishReason: { unified: 'content-filter', raw: 'x' },
        usage: { inputTokens: { total: 4 }, outputTokens: { total: undefined } },
        structuredOutputText: 'draft',
      },
    ],
  ])('reads what a model of %s answers', async (specificationVersion, result) => {
    const content = [
      { type: 'reasoning', text: 'Hm.' },
      { type: 'text', text: 'draft' },
    ]
    const doGenerate = async (): Promise<AiSdkResult> => ({ content, ...result }) as AiSdkResult
    const model = fromAiSdk({ specificationVersion, provider: 'p', modelId: 'm', doGenerate })
    expect(await model.chat({ messages })).toEqual({
      text: 'draft',
      usage: { promptTokens: 4, completionTokens: 0 },
      finishReason: 'content_filter',
    })
  })

  it.each(['openai/gpt-5', null, {}])('refuses %j', (model) => {
    expect(() => fromAiSdk(model as never)).toThrow(/takes a language model of a provider/)
  })
})
