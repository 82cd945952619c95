import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMemoryStore } from '@agl/store-memory'
import { type LightningStore, type LlmProxy, type ProxiedModel, resolveProxyLlm, type Span } from '@agl/types'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { LlmProxyOptions } from './options.ts'
import { createLlmProxy } from './proxy.ts'

/** A backend that notes what it was asked and answers as the test says. */
let backend: Server
let asked: { headers: IncomingMessage['headers']; body: Record<string, unknown> }[]
let answer: (response: ServerResponse, body: Record<string, unknown>) => void
let endpoint: string
let store: LightningStore
let proxy: LlmProxy

beforeEach(async () => {
  asked = []
  answer = (response) => json(response, 200, completion)
  backend = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
    asked.push({ headers: request.headers, body })
    answer(response, body)
  })
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
  endpoint = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/v1`
  store = createMemoryStore()
})
afterEach(async () => {
  await proxy?.close()
  backend.closeAllConnections()
  backend.close()
  await store.close()
})

const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  model: 'backend-model',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'hello' },
      finish_reason: 'stop',
      token_ids: [7, 8],
      logprobs: { content: [{ token: 'hello', logprob: -0.25 }] },
    },
  ],
  prompt_token_ids: [1, 2, 3],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function start(model: Partial<ProxiedModel> = {}, options: LlmProxyOptions = {}) {
  proxy = createLlmProxy({ models: [{ name: 'policy', endpoint, ...model }], ...options })
  await proxy.start({ sink: store })
  const { rollout_id: rolloutId, attempt } = await store.startRollout({ rollout: { input: null } })
  const llm = resolveProxyLlm(await proxy.asResource(), { rolloutId, attemptId: attempt.attempt_id })
  const post = (body: object, url = `${llm.endpoint}/chat/completions`) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer agent-key' },
      body: JSON.stringify(body),
    })
  const spans = async (): Promise<readonly Span[]> => (await store.querySpans({ rolloutId })).items
  return { post, spans, llm, rolloutId }
}
const hi = { model: 'policy', messages: [{ role: 'user', content: 'hi' }], temperature: 0.5, seed: 3 }

describe('a chat completion', () => {
  it('comes back byte for byte and is in the store by then, with token ids, texts and usage', async () => {
    const { post, spans } = await start({ model: 'backend-model', apiKey: 'secret', tokenIds: true })
    const response = await post(hi)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe(JSON.stringify(completion))
    expect(await spans()).toEqual([
      expect.objectContaining({
        name: 'openai.chat.completion',
        status: { status_code: 'OK', description: null },
        attributes: {
          'gen_ai.operation.name': 'chat',
          'gen_ai.request.model': 'policy',
          'gen_ai.request.temperature': 0.5,
          'gen_ai.request.seed': 3,
          'gen_ai.prompt.0.role': 'user',
          'gen_ai.prompt.0.content': 'hi',
          'gen_ai.response.id': 'chatcmpl-1',
          'gen_ai.response.model': 'backend-model',
          'gen_ai.response.finish_reasons': ['stop'],
          'gen_ai.usage.input_tokens': 3,
          'gen_ai.usage.output_tokens': 2,
          'gen_ai.completion.0.role': 'assistant',
          'gen_ai.completion.0.content': 'hello',
          'gen_ai.completion.0.finish_reason': 'stop',
          prompt_token_ids: [1, 2, 3],
          response_token_ids: [7, 8],
          'logprobs.content': '[{"token":"hello","logprob":-0.25}]',
        },
      }),
    ])
  })

  it("asks the backend by its own name and key, never with the agent's", async () => {
    const { post } = await start({ model: 'backend-model', apiKey: 'secret', tokenIds: true })
    await post({ ...hi, custom_field: { kept: true } })
    expect(asked[0]!.headers.authorization).toBe('Bearer secret')
    expect(asked[0]!.body).toEqual({
      ...hi,
      custom_field: { kept: true },
      model: 'backend-model',
      return_token_ids: true,
      logprobs: true,
    })
  })

  it('asks for token ids only where the entry says so', async () => {
    const { post } = await start()
    await post(hi)
    expect(asked[0]!.body).toEqual(hi)
    expect(asked[0]!.headers.authorization).toBeUndefined()
  })

  it("passes the backend's errors on and records them", async () => {
    const { post, spans } = await start()
    answer = (response) => json(response, 429, { error: { message: 'slow down' } })
    const response = await post(hi)
    expect(response.status).toBe(429)
    expect(await response.json()).toEqual({ error: { message: 'slow down' } })
    expect((await spans())[0]!.status).toEqual({
      status_code: 'ERROR',
      description: 'HTTP 429: {"error":{"message":"slow down"}}',
    })
  })

  it('is a 502 that names the backend when that cannot be reached', async () => {
    const { post, spans } = await start({ endpoint: 'http://127.0.0.1:9/v1' })
    const response = await post(hi)
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({
      error: { message: expect.stringContaining('127.0.0.1:9'), code: 'upstream_failed' },
    })
    expect((await spans())[0]!.status.status_code).toBe('ERROR')
  })

  it('is a 502 when the backend takes longer than allowed', async () => {
    const { post } = await start({}, { upstreamTimeoutMs: 30 })
    answer = () => {}
    const response = await post(hi)
    expect(response.status).toBe(502)
    expect(await response.text()).toMatch(/no answer within 30 ms/)
  })

  it.each([
    [{ messages: hi.messages }, 400, /model/],
    [{ model: 'policy', messages: [] }, 400, /messages/],
    [{ ...hi, model: 'other' }, 404, /it has: policy/],
  ])('refuses %j with a text that helps', async (body, status, text) => {
    const { post } = await start()
    const response = await post(body)
    expect(response.status).toBe(status)
    expect(await response.text()).toMatch(text)
    expect(asked).toHaveLength(0)
  })

  it('without attribution is refused with the way to do it', async () => {
    const { post, llm } = await start()
    const response = await post(hi, llm.endpoint.replace(/rollout.*/, 'v1/chat/completions'))
    expect(response.status).toBe(404)
    expect(await response.text()).toMatch(/rollout's own resource/)
  })

  it('with nulls, as backends write them for what they do not have, is recorded all the same', async () => {
    const { post, spans } = await start()
    const [choice] = completion.choices
    answer = (response) =>
      json(response, 200, { ...completion, prompt_token_ids: null, choices: [{ ...choice, token_ids: null, logprobs: null }] })
    const messages = [{ role: 'user', content: null, tool_call_id: null, tool_calls: [{ id: null, function: { name: 'f' } }] }]
    expect((await post({ ...hi, messages, stream: null })).status).toBe(200)
    const [{ attributes }] = (await spans()) as [Span]
    expect(attributes).toMatchObject({ 'gen_ai.completion.0.content': 'hello', 'gen_ai.prompt.0.tool_calls.0.name': 'f' })
    expect(attributes).not.toHaveProperty('prompt_token_ids')
  })

  it('passes bytes on that are no plain text', async () => {
    const { post } = await start()
    const bytes = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(JSON.stringify(completion))])
    answer = (response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(bytes)
    expect(Buffer.from(await (await post(hi)).arrayBuffer())).toEqual(bytes)
  })

  it('ends at the backend when the agent goes away', async () => {
    const { llm, spans } = await start()
    const gone = Promise.withResolvers<void>()
    answer = (response) => void response.on('close', () => gone.resolve())
    const leave = new AbortController()
    const call = fetch(`${llm.endpoint}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(hi),
      signal: leave.signal,
    })
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    leave.abort()
    await expect(call).rejects.toThrow(/abort/i)
    await gone.promise
    await vi.waitFor(async () => expect((await spans())[0]?.status.description).toMatch(/agent went away/))
  })

  it('of a rollout the store does not know still answers the agent', async () => {
    const { post, llm, rolloutId } = await start()
    const response = await post(hi, `${llm.endpoint.replace(rolloutId, 'ro-unknown')}/chat/completions`)
    expect(response.status).toBe(200)
  })
})

describe('a streamed completion', () => {
  const chunks = [
    {
      id: 'c-1',
      model: 'm',
      prompt_token_ids: [1, 2],
      choices: [{ index: 0, delta: { role: 'assistant', content: 'he' }, token_ids: [7] }],
    },
    {
      id: 'c-1',
      model: 'm',
      choices: [{ index: 0, delta: { content: 'llö\n ' }, token_ids: [8, 9], logprobs: { content: [{ logprob: -1 }] } }],
    },
    {
      id: 'c-1',
      model: 'm',
      choices: [{ index: 0, delta: { tool_calls: [{ index: 0, id: 't', function: { name: 'f', arguments: '{"a"' } }] } }],
    },
    {
      id: 'c-1',
      model: 'm',
      choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }, finish_reason: 'tool_calls' }],
    },
    { id: 'c-1', model: 'm', choices: [], usage: { prompt_tokens: 2, completion_tokens: 3 } },
  ]
  const text = `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`

  it('passes through as it comes, byte for byte, and is put together for the record', async () => {
    const { post, spans } = await start()
    const rest = Promise.withResolvers<void>()
    answer = async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const bytes = Buffer.from(text)
      // Cut inside the two bytes of "ö", so that the pieces alone are not UTF-8.
      const cut = bytes.indexOf('ö') + 1
      response.write(bytes.subarray(0, cut))
      await rest.promise
      response.end(bytes.subarray(cut))
    }
    const response = await post({ ...hi, stream: true })
    const reader = response.body!.getReader()
    const first = await reader.read()
    expect(Buffer.from(first.value!).toString()).toContain('"content":"he"')
    rest.resolve()
    const pieces = [Buffer.from(first.value!)]
    for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(Buffer.from(next.value))
    expect(Buffer.concat(pieces).toString()).toBe(text)
    expect((await spans())[0]!.attributes).toMatchObject({
      'gen_ai.response.id': 'c-1',
      'gen_ai.completion.0.content': 'hellö\n ',
      'gen_ai.completion.0.tool_calls.0.id': 't',
      'gen_ai.completion.0.tool_calls.0.name': 'f',
      'gen_ai.completion.0.tool_calls.0.arguments': '{"a":1}',
      'gen_ai.completion.0.finish_reason': 'tool_calls',
      'gen_ai.usage.output_tokens': 3,
      prompt_token_ids: [1, 2],
      response_token_ids: [7, 8, 9],
    })
    expect((await spans())[1]).toMatchObject({
      name: 'tool_call.f',
      parent_id: (await spans())[0]!.span_id,
      attributes: { 'tool.name': 'f', 'tool.parameters': '{"a":1}', 'tool.call.id': 't' },
    })
    expect(asked[0]!.body).toEqual({ ...hi, stream: true })
  })

  it('is in the store when its end mark is readable, not only when it is over', async () => {
    const { post, spans } = await start()
    answer = (response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).write(text)
    const reader = (await post({ ...hi, stream: true })).body!.getReader()
    let read = ''
    while (!read.includes('[DONE]')) read += Buffer.from((await reader.read()).value!).toString()
    expect((await spans())[0]!.status.status_code).toBe('OK')
    await reader.cancel()
  })

  it.each([
    ['an error in the stream', [chunks[0], { error: { message: 'out of memory' } }], /out of memory/],
    ['no end', chunks.slice(0, 2), /before the answer did/],
  ])('with %s is recorded as an error', async (_what, sent, text) => {
    const { post, spans } = await start()
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(sent.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join(''))
    }
    await (await post({ ...hi, stream: true })).text()
    expect((await spans())[0]!.status).toMatchObject({ status_code: 'ERROR', description: expect.stringMatching(text) })
  })

  it('that breaks off is recorded as far as it came, as an error', async () => {
    const { post, spans } = await start()
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`data: ${JSON.stringify(chunks[0])}\n\n`, () => response.destroy())
    }
    await expect(post({ ...hi, stream: true }).then((response) => response.text())).rejects.toThrow()
    expect((await spans())[0]).toMatchObject({ status: { status_code: 'ERROR' }, attributes: { response_token_ids: [7] } })
  })
})

describe('the routing table', () => {
  it('is replaced at once; a call in flight stays on its entry', async () => {
    const { post } = await start({ model: 'one' })
    const held = Promise.withResolvers<void>()
    answer = async (response, body) => {
      if (body['model'] === 'one') await held.promise
      json(response, 200, { ...completion, model: body['model'] })
    }
    const first = post(hi)
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    await proxy.putModels([{ name: 'policy', endpoint, model: 'two' }])
    expect(await (await post(hi)).json()).toMatchObject({ model: 'two' })
    held.resolve()
    expect(await (await first).json()).toMatchObject({ model: 'one' })
  })

  it('keeps what others have put there, and lets go of what is removed', async () => {
    await start()
    await proxy.putModels([{ name: 'judge', endpoint }])
    expect((await proxy.listModels()).map(({ name }) => name)).toEqual(['policy', 'judge'])
    await proxy.removeModels(['policy', 'unknown'])
    expect((await proxy.listModels()).map(({ name }) => name)).toEqual(['judge'])
  })

  it('refuses malformed and repeated entries and stays as it was', async () => {
    const { post } = await start()
    await expect(proxy.putModels([{ name: 'a', endpoint: 'not a url' }])).rejects.toThrow(/models of the gateway/)
    const twice = [
      { name: 'a', endpoint },
      { name: 'a', endpoint },
    ]
    await expect(proxy.putModels(twice)).rejects.toThrow(/same name/)
    expect((await post(hi)).status).toBe(200)
  })

  it('makes resources by name, and asks which when there are several', async () => {
    await start()
    await proxy.putModels([{ name: 'b', endpoint }])
    await expect(proxy.asResource()).rejects.toThrow(/policy, b/)
    await expect(proxy.asResource({ modle: 'b' } as never)).rejects.toThrow(/modle/)
    expect(await proxy.asResource({ model: 'b', samplingParameters: { temperature: 0 } })).toMatchObject({
      resource_type: 'proxy_llm',
      model: 'b',
      sampling_parameters: { temperature: 0 },
    })
  })
})

describe('its life', () => {
  it('refuses resources before the start and a second start; closes twice; starts again', async () => {
    proxy = createLlmProxy({ models: [{ name: 'policy', endpoint }] })
    await expect(proxy.asResource()).rejects.toThrow(/Start the gateway/)
    await proxy.start({ sink: store })
    await expect(proxy.start({ sink: store })).rejects.toMatchObject({ code: 'conflict' })
    await proxy.close()
    await proxy.close()
    const { url } = await proxy.start({ sink: store })
    expect(await (await fetch(`${url}/models`)).json()).toMatchObject({ data: [{ id: 'policy' }] })
  })

  it('says clearly when the port is taken, and starts once it is free', async () => {
    const blocker = createServer()
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
    const { port } = blocker.address() as AddressInfo
    proxy = createLlmProxy({ port })
    await expect(proxy.start({ sink: store })).rejects.toThrow(new RegExp(`cannot listen on 127.0.0.1:${port}`))
    await new Promise((resolve) => blocker.close(resolve))
    expect(await proxy.start({ sink: store })).toEqual({ url: `http://127.0.0.1:${port}/v1` })
  })

  it('refuses unknown options', () => {
    expect(() => createLlmProxy({ prot: 1 } as LlmProxyOptions)).toThrow(/prot/)
  })
})
