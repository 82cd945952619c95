import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { initialise } from '../checkpoint.ts'
import { createEmbeddedModel, type EmbeddedModel } from '../model.ts'
import { buildTokenizer } from '../tokenizer.ts'
import { createModelServer, type ModelServer } from './server.ts'

const tokenizer = buildTokenizer(['abcdefghijklmnopqrstuvwxyz '])
const checkpoint = initialise({ name: 'tiny', tokenizer, seed: 1, width: 16, heads: 2, contextLength: 32 })
let model: EmbeddedModel
let server: ModelServer
let url: string
let client: OpenAI

beforeAll(async () => {
  model = createEmbeddedModel({ checkpoint })
  await model.start()
  server = createModelServer({ model, now: () => 5_000, createId: () => 'id' })
  url = (await server.start()).url
  client = new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 })
})

afterAll(async () => {
  await server.close()
  await model.close()
})

const messages = [{ role: 'user' as const, content: 'abc' }]
const request = { model: 'tiny', messages, seed: 4, max_tokens: 12 }

async function post(body: unknown): Promise<{ status: number; body: { error: Record<string, unknown> } }> {
  const response = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as { error: Record<string, unknown> } }
}

describe('POST /v1/chat/completions', () => {
  it('answers as the OpenAI API does, with vLLM’s token ids on demand', async () => {
    const prompt = model.encodeChat(messages)
    const sampled = (await model.sample({ prompt, maxTokens: 12, seed: 4 })).samples[0]!
    const body: unknown = (await post({ ...request, logprobs: true, return_token_ids: true })).body
    expect(body).toEqual({
      id: 'chatcmpl-id',
      object: 'chat.completion',
      created: 5,
      model: 'tiny',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: sampled.text, refusal: null },
          finish_reason: sampled.finishReason,
          token_ids: sampled.tokens,
          logprobs: {
            content: sampled.tokens.map((token, i) => ({
              token: tokenizer.vocabulary[token],
              logprob: sampled.logprobs[i],
              bytes: token < 6 ? null : [...Buffer.from(tokenizer.vocabulary[token]!)],
              top_logprobs: [],
            })),
            refusal: null,
          },
        },
      ],
      prompt_token_ids: prompt,
      usage: {
        prompt_tokens: prompt.length,
        completion_tokens: sampled.tokens.length,
        total_tokens: prompt.length + sampled.tokens.length,
      },
    })
  })

  it('serves the official client: choices, versions, content parts, tool messages', async () => {
    await model.saveState({ version: 'v1' })
    const { choices } = await client.chat.completions.create({ ...request, model: 'tiny@v1', n: 3 })
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2])
    const alone = await client.chat.completions.create(request)
    expect(alone.choices[0]!.message.content).toBe(choices[0]!.message.content)
    expect(alone).not.toHaveProperty('prompt_token_ids')
    expect(new Set(choices.map(({ message }) => message.content)).size).toBeGreaterThan(1)
    const answer = await client.chat.completions.create({
      ...request,
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'a' }] },
        { role: 'assistant', content: 'b' },
        { role: 'tool', content: 'c', tool_call_id: 'call-1' },
      ],
    })
    expect(answer.usage?.prompt_tokens).toBe(10)
  })

  it('streams tokens as they come, to the same completion', async () => {
    const whole = await client.chat.completions.create({ ...request, logprobs: true })
    const stream = await client.chat.completions.create({
      ...request,
      logprobs: true,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    const choices = chunks.flatMap((chunk) => chunk.choices)
    expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe(whole.choices[0]!.message.content)
    expect(choices.flatMap(({ logprobs }) => logprobs?.content ?? [])).toEqual(whole.choices[0]!.logprobs!.content)
    expect(choices.at(-1)!.finish_reason).toBe(whole.choices[0]!.finish_reason)
    expect(chunks.at(-1)!.usage).toEqual(whole.usage)
    expect(chunks.length).toBe(whole.usage!.completion_tokens + 3)
  })

  it('cuts max_tokens to the context', async () => {
    const long = [{ role: 'user' as const, content: 'a'.repeat(27) }]
    const { usage } = await client.chat.completions.create({ model: 'tiny', messages: long, seed: 2 })
    expect(usage!.prompt_tokens).toBe(30)
    expect(usage!.completion_tokens).toBeLessThanOrEqual(2)
  })

  it.each([
    ['a body that is no JSON', '{', 400, { code: 'invalid_body' }],
    ['no messages', { model: 'tiny' }, 400, { param: 'messages' }],
    ['a wrong type', { ...request, temperature: 'hot' }, 400, { param: 'temperature', code: 'invalid_value' }],
    ['a wrong type of content', { ...request, messages: [{ role: 'user', content: 3 }] }, 400, { param: 'messages.0.content' }],
    ['an unknown parameter', { ...request, top_k: 5 }, 400, { param: 'top_k', code: 'unknown_parameter' }],
    ['an unsupported value', { ...request, top_p: 0.5 }, 400, { param: 'top_p', code: 'unsupported_value' }],
    ['tools', { ...request, tools: [{ type: 'function' }] }, 400, { param: 'tools', code: 'unsupported_value' }],
    [
      'tool calls',
      { ...request, messages: [{ role: 'assistant', content: '', tool_calls: [] }] },
      400,
      { param: 'messages.0.tool_calls' },
    ],
    [
      'a prompt that is too long',
      { ...request, messages: [{ role: 'user', content: 'a'.repeat(40) }] },
      400,
      { code: 'context_length_exceeded' },
    ],
    ['another model', { ...request, model: 'gpt' }, 404, { code: 'model_not_found' }],
    ['an unknown version', { ...request, model: 'tiny@v9' }, 404, { code: 'model_not_found' }],
    ['a body of more than a megabyte', { ...request, user: 'a'.repeat(1 << 20) }, 413, { code: 'invalid_body' }],
  ])('refuses %s', async (_, body, status, error) => {
    const answer = await post(body)
    expect(answer.status).toBe(status)
    expect(answer.body.error).toMatchObject({ type: 'invalid_request_error', message: expect.any(String), ...error })
  })

  it('accepts parameters that ask for nothing', async () => {
    const idle = {
      top_p: 1,
      frequency_penalty: 0,
      presence_penalty: null,
      tools: [],
      response_format: { type: 'text' },
      user: 'me',
      logit_bias: {},
    }
    expect((await post({ ...request, ...idle })).status).toBe(200)
  })
})

it('lists the model and its versions, and refuses unknown routes', async () => {
  const ids = []
  for await (const { id } of client.models.list()) ids.push(id)
  expect(ids).toEqual(['tiny', ...model.versions.map((version) => `tiny@${version}`)])
  const lost = await fetch(`${url}/embeddings`, { method: 'POST' })
  expect([lost.status, await lost.json()]).toMatchObject([404, { error: { code: 'unknown_url' } }])
})

it('gives up sampling when the client hangs up', async () => {
  const asked = Promise.withResolvers<AbortSignal>()
  const patient: EmbeddedModel = {
    ...model,
    // Longer than any client waits.
    sample: (_request, { signal } = {}) => {
      asked.resolve(signal!)
      return Promise.withResolvers<never>().promise
    },
  }
  await using front = createModelServer({ model: patient })
  const hangUp = new AbortController()
  const body = JSON.stringify({ ...request, model: 'tiny' })
  const answer = fetch(`${(await front.start()).url}/chat/completions`, { method: 'POST', body, signal: hangUp.signal })
  const signal = await asked.promise
  hangUp.abort()
  await expect(answer).rejects.toThrow(/abort/)
  await expect.poll(() => signal.aborted).toBe(true)
})

it('answers 503 when the worker has died, also for a request in flight', async () => {
  const born = once(process, 'worker') as Promise<[Worker]>
  const mortal = createEmbeddedModel({ checkpoint })
  await mortal.start()
  const [worker] = await born
  const sample: EmbeddedModel['sample'] = (...args) => {
    const sampled = mortal.sample(...args)
    void worker.terminate()
    return sampled
  }
  const front = createModelServer({ model: Object.create(mortal, { sample: { value: sample } }) as EmbeddedModel })
  const { url } = await front.start()
  const health = async (): Promise<number> => (await fetch(new URL('/health', url))).status
  expect(await health()).toBe(200)
  const answer = new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 }).chat.completions.create(request)
  await expect(answer).rejects.toMatchObject({ status: 503, code: 'model_worker_died', type: 'server_error' })
  expect(await health()).toBe(503)
  await front.close()
  await mortal.close()
})

it('starts once, closes twice, and tells a port that is taken', async () => {
  const port = Number(new URL(url).port)
  const second = createModelServer({ model, port })
  await expect(second.start()).rejects.toMatchObject({ code: 'conflict' })
  await expect(server.start()).rejects.toMatchObject({ code: 'conflict' })
  await Promise.all([second.close(), second.close()])
  expect(() => createModelServer({ model, key: 'x' } as never)).toThrow(/key/)
})
