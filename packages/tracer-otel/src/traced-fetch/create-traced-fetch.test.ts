import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { readModelCall } from '@agl/model-calls'
import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore, Span } from '@agl/types'
import Anthropic from '@anthropic-ai/sdk'
import { trace } from '@opentelemetry/api'
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createOtelTracer, type OtelTracer } from '../tracer.ts'
import { createTracedFetch } from './create-traced-fetch.ts'

/** A backend that notes what it was asked and answers as the test says. */
let backend: Server
let asked: { headers: IncomingMessage['headers']; body: string }[]
let answer: (response: ServerResponse, body: string) => unknown
let url: string
let store: LightningStore
let tracer: OtelTracer

beforeEach(async () => {
  asked = []
  answer = (response) => json(response, 200, completion)
  backend = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    asked.push({ headers: request.headers, body })
    await answer(response, body)
  })
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/v1`
  store = createMemoryStore()
  tracer = createOtelTracer()
})
afterEach(async () => {
  backend.closeAllConnections()
  backend.close()
  await tracer.close()
  await store.close()
})

const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  model: 'backend-model',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop', token_ids: [7, 8] }],
  prompt_token_ids: [1, 2, 3],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
}
const hi = { model: 'policy', messages: [{ role: 'user' as const, content: 'hi' }] }

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
const event = (data: unknown): string => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
const chunk = (delta: object, finish_reason: string | null = null): string =>
  event({ id: 'c-1', object: 'chat.completion.chunk', model: 'm', choices: [{ index: 0, delta, finish_reason }] })
const streamed = { 'content-type': 'text/event-stream' }

/** Runs work as an attempt of its own and gives what was recorded by the time it had settled. */
async function traced(work: () => Promise<unknown>): Promise<readonly Span[]> {
  const { rollout_id: rolloutId, attempt } = await store.startRollout({ rollout: { input: null } })
  await tracer.trace({ rolloutId, attemptId: attempt.attempt_id, sink: store }, work)
  return (await store.querySpans({ rolloutId, sortBy: 'sequence_id' })).items
}
const post = (
  fetch: typeof globalThis.fetch,
  body: NonNullable<RequestInit['body']> = JSON.stringify(hi),
  more: RequestInit = {},
) => fetch(`${url}/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body, ...more })
const openai = (fetch = createTracedFetch()) => new OpenAI({ baseURL: url, apiKey: 'none', fetch, maxRetries: 0 })
const anthropic = () =>
  new Anthropic({ baseURL: url.replace(/\/v1$/, ''), apiKey: 'none', fetch: createTracedFetch(), maxRetries: 0 })

describe('a call through the client of OpenAI', () => {
  it('is a span under the active one, in the store when the attempt settles', async () => {
    const spans = await traced(() =>
      trace.getTracer('agent').startActiveSpan('step', async (span) => {
        const read = await openai().chat.completions.create({ ...hi, temperature: 0.5 })
        expect(read).toMatchObject(completion)
        span.end()
      }),
    )
    expect(spans.map(({ name }) => name)).toEqual(['openai.chat.completion', 'step'])
    const [call, step] = spans
    expect(call).toMatchObject({ parent_id: step!.span_id, trace_id: step!.trace_id, status: { status_code: 'OK' } })
    expect(readModelCall(call!)).toMatchObject({
      model: 'policy',
      parameters: { temperature: 0.5 },
      messages: hi.messages,
      responseId: 'chatcmpl-1',
      choices: [{ message: { role: 'assistant', content: 'hello' }, tokenIds: [7, 8] }],
      promptTokenIds: [1, 2, 3],
    })
  })

  it('streams while the backend still writes, and is put together for the record', async () => {
    const seen = Promise.withResolvers<void>()
    answer = async (response) => {
      response.writeHead(200, streamed)
      response.write(chunk({ role: 'assistant', content: 'hello' }))
      await seen.promise
      response.write(chunk({ tool_calls: [{ index: 0, id: 't', type: 'function', function: { name: 'f', arguments: '{"a"' } }] }))
      response.write(chunk({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }, 'tool_calls'))
      response.end(event('[DONE]'))
    }
    const spans = await traced(async () => {
      let text = ''
      for await (const { choices } of await openai().chat.completions.create({ ...hi, stream: true })) {
        text += choices[0]?.delta.content ?? ''
        seen.resolve()
      }
      expect(text).toBe('hello')
    })
    expect(spans.map(({ name }) => name)).toEqual(['openai.chat.completion', 'tool_call.f'])
    expect(readModelCall(spans[0]!)!.choices).toMatchObject([
      {
        message: { content: 'hello', tool_calls: [{ id: 't', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }] },
        finishReason: 'tool_calls',
      },
    ])
  })

  it('over Responses is recorded, streamed too', async () => {
    const item = {
      type: 'message',
      id: 'm',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'hello', annotations: [] }],
    }
    const body = { id: 'resp_1', object: 'response', model: 'm', status: 'completed', error: null, output: [item] }
    answer = (response, asked) => {
      if (!asked.includes('"stream":true')) return json(response, 200, body)
      response.writeHead(200, streamed)
      response.write(
        event({ type: 'response.created', response: { ...body, status: 'in_progress', output: [] }, sequence_number: 0 }),
      )
      return response.end(event({ type: 'response.completed', response: body, sequence_number: 1 }))
    }
    const spans = await traced(async () => {
      const responses = openai().responses
      expect((await responses.create({ model: 'policy', input: 'hi' })).output_text).toBe('hello')
      const types: string[] = []
      for await (const { type } of await responses.create({ model: 'policy', input: 'hi', stream: true })) types.push(type)
      expect(types).toEqual(['response.created', 'response.completed'])
    })
    expect(spans.map((span) => readModelCall(span)!.choices[0]!.message.content)).toEqual(['hello', 'hello'])
  })

  it('that fails is recorded with what the backend said', async () => {
    answer = (response) => json(response, 429, { error: { message: 'slow down' } })
    const spans = await traced(async () => {
      await expect(openai().chat.completions.create(hi)).rejects.toThrow(/slow down/)
    })
    expect(spans[0]!.status).toEqual({ status_code: 'ERROR', description: 'HTTP 429: {"error":{"message":"slow down"}}' })
    expect(readModelCall(spans[0]!)!.messages).toEqual(hi.messages)
  })

  it('that is left half-way ends at the backend, and is recorded as far as it came', async () => {
    const gone = Promise.withResolvers<void>()
    answer = (response) => {
      response.on('close', () => gone.resolve())
      response.writeHead(200, streamed).write(chunk({ content: 'he' }))
    }
    const spans = await traced(async () => {
      for await (const _chunk of await openai().chat.completions.create({ ...hi, stream: true })) break
      await gone.promise
    })
    expect(spans).toMatchObject([
      { status: { status_code: 'ERROR', description: expect.stringMatching(/stopped reading|broke off/) } },
    ])
    expect(readModelCall(spans[0]!)!.choices[0]!.message.content).toBe('he')
  })
})

describe('a call through the client of Anthropic', () => {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude',
    content: [{ type: 'tool_use', id: 't', name: 'f', input: { a: 1 } }],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 2 },
  }
  const request = { model: 'claude', max_tokens: 9, messages: hi.messages }

  it('is recorded', async () => {
    answer = (response) => json(response, 200, message)
    const spans = await traced(() => anthropic().messages.create(request))
    expect(readModelCall(spans[0]!)).toMatchObject({ parameters: { max_tokens: 9 }, usage: { inputTokens: 3, outputTokens: 2 } })
    expect(spans[1]).toMatchObject({ name: 'tool_call.f', attributes: { 'tool.parameters': '{"a":1}' } })
  })

  it('is recorded as it is streamed', async () => {
    answer = (response) => {
      response.writeHead(200, streamed)
      const send = (data: { readonly type: string; readonly [field: string]: unknown }): void =>
        void response.write(`event: ${data.type}\n${event(data)}`)
      const delta = (partial_json: string) => ({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'input_json_delta', partial_json },
      })
      const start = { ...message, content: [], stop_reason: null, usage: { input_tokens: 3, output_tokens: 1 } }
      send({ type: 'message_start', message: start })
      send({ type: 'ping' })
      send({ type: 'content_block_start', index: 0, content_block: { type: 'tool_use', id: 't', name: 'f', input: {} } })
      send(delta('{"a"'))
      send(delta(':1}'))
      send({ type: 'content_block_stop', index: 0 })
      send({ type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 2 } })
      send({ type: 'message_stop' })
      response.end()
    }
    const spans = await traced(async () => {
      const read = await anthropic().messages.stream(request).finalMessage()
      expect(read.content).toMatchObject(message.content)
    })
    expect(readModelCall(spans[0]!)).toMatchObject({
      choices: [{ finishReason: 'tool_calls', message: { tool_calls: [{ function: { arguments: '{"a":1}' } }] } }],
      usage: { inputTokens: 3, outputTokens: 2 },
    })
  })
})

describe('what is not recorded', () => {
  it.each(['/v1/models', '/v1/messages/count_tokens', '/v1/embeddings'])('%s passes by, the very answer', async (path) => {
    const made = new Response('x')
    const fetch = createTracedFetch({ fetch: async () => made })
    const spans = await traced(async () => expect(await fetch(`http://h${path}`, { method: 'POST' })).toBe(made))
    expect(spans).toEqual([])
  })

  it('outside an attempt nothing is touched', async () => {
    const made = new Response('x')
    const given: unknown[] = []
    const fetch = createTracedFetch({
      tokenIds: true,
      fetch: async (...all) => {
        given.push(...all)
        return made
      },
    })
    const init = { method: 'POST', body: '{}' }
    expect(await fetch('http://h/v1/chat/completions', init)).toBe(made)
    expect(given[1]).toBe(init)
  })

  it('a GET of a stored completion is none', async () => {
    expect(await traced(() => createTracedFetch()(`${url}/chat/completions`))).toEqual([])
  })
})

describe('the answer', () => {
  it('keeps its status, headers and address', async () => {
    answer = (response) => {
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.writeHead(201, 'Made', { 'content-type': 'application/json', 'x-request-id': 'r' }).end('{}')
    }
    await traced(async () => {
      const response = await post(createTracedFetch())
      expect(response).toMatchObject({ status: 201, statusText: 'Made', url: `${url}/chat/completions`, redirected: false })
      expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
      expect(response.headers.get('x-request-id')).toBe('r')
      expect(await response.text()).toBe('{}')
    })
  })

  it('may be compressed, or no text at all', async () => {
    answer = (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(JSON.stringify(completion)))
    const spans = await traced(async () => expect(await (await post(createTracedFetch())).json()).toEqual(completion))
    expect(readModelCall(spans[0]!)!.responseId).toBe('chatcmpl-1')
    answer = (response) => response.writeHead(204).end()
    const [empty] = await traced(async () => expect((await post(createTracedFetch())).body).toBeNull())
    expect(empty!.status.description).toBe('The answer is not JSON')
  })

  it('that nobody reads is recorded all the same', async () => {
    answer = (response) => json(response, 500, { error: 'no' })
    const [span] = await traced(() => post(createTracedFetch()))
    expect(span!.status.description).toBe('HTTP 500: {"error":"no"}')
  })

  it('that breaks off does so where it is read', async () => {
    answer = (response) => {
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-length': 100 })
        .write('{"id"', () => response.destroy())
    }
    const [span] = await traced(async () => {
      const response = await post(createTracedFetch())
      expect(response.status).toBe(200)
      await expect(response.json()).rejects.toThrow(/terminated/)
    })
    expect(span!.status.description).toMatch(/broke off/)
  })

  it('that is given up half-way makes the call fail, with the reason of its caller', async () => {
    const leave = new AbortController()
    const reason = new Error('took too long')
    answer = (response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{"id"')
    const givesUp: typeof fetch = async (...given) => {
      const response = await fetch(...given)
      leave.abort(reason)
      return response
    }
    const [span] = await traced(async () => {
      const call = post(createTracedFetch({ fetch: givesUp }), undefined, { signal: leave.signal })
      expect(await call.catch((error: unknown) => error)).toBe(reason)
    })
    expect(span!.status.status_code).toBe('ERROR')
  })

  it('that holds an error is one, though its status is good', async () => {
    answer = (response) => json(response, 200, { error: { message: 'out of memory' } })
    const [span] = await traced(async () => void (await post(createTracedFetch())))
    expect(span!.status).toMatchObject({ status_code: 'ERROR', description: expect.stringMatching(/out of memory/) })
  })
})

describe('a stream', () => {
  it('is recorded when its end mark is readable, not only when it is over', async () => {
    answer = (response) => response.writeHead(200, streamed).write(chunk({ content: 'hi' }, 'stop') + event('[DONE]'))
    const [span] = await traced(async () => {
      const reader = (await post(createTracedFetch())).body!.getReader()
      let text = ''
      while (!text.includes('[DONE]')) text += Buffer.from((await reader.read()).value!).toString()
    })
    expect(span).toMatchObject({ status: { status_code: 'OK' } })
  })

  it('that breaks off is recorded as far as it came, and breaks off for its reader', async () => {
    answer = (response) => {
      response.writeHead(200, streamed).write(chunk({ content: 'he' }), () => response.destroy())
    }
    const [span] = await traced(async () => {
      await expect((await post(createTracedFetch())).text()).rejects.toThrow(/terminated/)
    })
    expect(span!.status).toMatchObject({ status_code: 'ERROR', description: expect.stringMatching(/broke off/) })
    expect(readModelCall(span!)!.choices[0]!.message.content).toBe('he')
  })

  it('that ends too early is an error', async () => {
    answer = (response) => response.writeHead(200, streamed).end(chunk({ content: 'he' }))
    const [span] = await traced(async () => void (await (await post(createTracedFetch())).text()))
    expect(span!.status.description).toBe('The stream ended before the answer did')
  })

  it('without its last blank line is whole', async () => {
    answer = (response) => response.writeHead(200, streamed).end(chunk({ content: 'hi' }, 'stop').trimEnd())
    const [span] = await traced(async () => void (await (await post(createTracedFetch())).text()))
    expect(span!.status.status_code).toBe('OK')
  })

  it('that is aborted while nobody reads ends at the backend and is recorded', async () => {
    const gone = Promise.withResolvers<void>()
    answer = (response) => {
      response.on('close', () => gone.resolve())
      response.writeHead(200, streamed).write(chunk({ content: 'he' }))
    }
    const leave = new AbortController()
    const [span] = await traced(async () => {
      const { body } = await post(createTracedFetch(), undefined, { signal: leave.signal })
      const reader = body!.getReader()
      await reader.read()
      leave.abort(new Error('enough'))
      await expect(reader.closed).rejects.toThrow(/enough/)
      await gone.promise
    })
    expect(span!.status).toMatchObject({ status_code: 'ERROR', description: 'The stream broke off: enough' })
    expect(readModelCall(span!)!.choices[0]!.message.content).toBe('he')
  })

  it('may come in pieces that are no text alone, or empty', async () => {
    const bytes = Buffer.from(chunk({ content: 'hellö' }, 'stop'))
    const pieces = [new Uint8Array(), ...Array.from(bytes, (byte) => Uint8Array.of(byte)), new Uint8Array()]
    const fetch = createTracedFetch({ fetch: async () => new Response(ReadableStream.from(pieces), { headers: streamed }) })
    const [span] = await traced(async () => expect(await (await post(fetch)).text()).toBe(bytes.toString()))
    expect(readModelCall(span!)!.choices[0]!.message.content).toBe('hellö')
  })

  it('that is cancelled says why, unless the answer was whole', async () => {
    for (const [sent, description] of [
      [chunk({ content: 'he' }), 'The caller stopped reading: enough'],
      [chunk({ content: 'he' }, 'stop'), null],
    ] as const) {
      const gone = Promise.withResolvers<void>()
      answer = (response) => {
        response.on('close', () => gone.resolve())
        response.writeHead(200, streamed).write(sent)
      }
      const [span] = await traced(async () => {
        const reader = (await post(createTracedFetch())).body!.getReader()
        await reader.read()
        await reader.cancel('enough')
        await gone.promise
      })
      expect(span!.status.description).toBe(description)
    }
  })

  it('is never read ahead of its reader', async () => {
    let pulled = 0
    const endless = new ReadableStream(
      { pull: (controller) => controller.enqueue(Buffer.from(chunk({ content: String(pulled++) }))) },
      { highWaterMark: 0 },
    )
    const fetch = createTracedFetch({ fetch: async () => new Response(endless, { headers: streamed }) })
    await traced(async () => {
      const reader = (await post(fetch)).body!.getReader()
      for (const expected of [1, 2, 3]) {
        await reader.read()
        expect(pulled).toBe(expected)
      }
      await reader.cancel()
    })
  })

  it('can be read into buffers of the reader', async () => {
    const text = chunk({ content: 'hi' }, 'stop') + event('[DONE]')
    answer = (response) => response.writeHead(200, streamed).end(text)
    await traced(async () => {
      const reader = (await post(createTracedFetch())).body!.getReader({ mode: 'byob' })
      let read = ''
      for (let next = await reader.read(new Uint8Array(7)); !next.done; next = await reader.read(new Uint8Array(7))) {
        read += Buffer.from(next.value).toString()
      }
      expect(read).toBe(text)
    })
  })
})

describe('a request', () => {
  const bodies: Record<string, (fetch: typeof globalThis.fetch) => Promise<Response>> = {
    text: (fetch) => post(fetch),
    bytes: (fetch) => post(fetch, Buffer.from(JSON.stringify(hi))),
    'a Request': (fetch) =>
      fetch(new Request(`${url}/chat/completions`, { method: 'POST', body: JSON.stringify(hi), headers: { 'x-a': 'b' } })),
    'a URL and a length': (fetch) =>
      fetch(new URL(`${url}/chat/completions`), {
        method: 'post',
        body: JSON.stringify(hi),
        headers: { 'content-length': String(JSON.stringify(hi).length) },
      }),
  }

  it.each(Object.keys(bodies))('of %s is recorded and sent as it is', async (kind) => {
    const [span] = await traced(async () => expect(await (await bodies[kind]!(createTracedFetch())).json()).toEqual(completion))
    expect(readModelCall(span!)!.messages).toEqual(hi.messages)
    expect(asked.map(({ body }) => body)).toEqual([JSON.stringify(hi)])
  })

  it.each(Object.keys(bodies))('of %s asks for token ids where it should, and is recorded as it was', async (kind) => {
    const [span] = await traced(async () => void (await bodies[kind]!(createTracedFetch({ tokenIds: true }))))
    expect(JSON.parse(asked[0]!.body)).toEqual({ ...hi, return_token_ids: true, logprobs: true })
    expect(asked[0]!.headers['x-a']).toBe(kind === 'a Request' ? 'b' : undefined)
    expect(readModelCall(span!)!.parameters).toEqual({})
  })

  it('that can be read only once is left alone, and recorded without it', async () => {
    const body = new Blob([JSON.stringify(hi)]).stream()
    const [span] = await traced(
      async () => void (await post(createTracedFetch({ tokenIds: true }), body, { duplex: 'half' } as object)),
    )
    expect(asked[0]!.body).toBe(JSON.stringify(hi))
    expect(readModelCall(span!)).toMatchObject({ messages: [], responseId: 'chatcmpl-1' })
  })

  it('that finds nobody is recorded, and fails as it would have', async () => {
    const failed = new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })
    const fetch = createTracedFetch({ fetch: () => Promise.reject(failed) })
    const [span] = await traced(async () => expect(await post(fetch).catch((error: unknown) => error)).toBe(failed))
    expect(span!.status).toEqual({ status_code: 'ERROR', description: 'No answer came: connect ECONNREFUSED' })
  })

  it('that its caller gives up is recorded as that', async () => {
    const leave = new AbortController()
    answer = () => leave.abort()
    const [span] = await traced(() =>
      expect(post(createTracedFetch(), undefined, { signal: leave.signal })).rejects.toThrow(/abort/),
    )
    expect(span!.status.description).toMatch(/caller gave up/)
  })
})

it('calls of a hundred attempts at once are not mixed up', async () => {
  answer = (response, body) => json(response, 200, { ...completion, id: (JSON.parse(body) as { user: string }).user })
  const fetch = createTracedFetch()
  const all = await Promise.all(
    Array.from({ length: 100 }, (_, index) => traced(() => post(fetch, JSON.stringify({ ...hi, user: `u-${index}` })))),
  )
  expect(all.map((spans) => spans.map((span) => readModelCall(span)!.responseId))).toEqual(
    Array.from({ length: 100 }, (_, index) => [`u-${index}`]),
  )
})

it('an unknown option is refused', () => {
  expect(() => createTracedFetch({ tokenids: true } as never)).toThrow(/tokenids/)
  expect(() => createTracedFetch({ fetch: 'x' as never })).toThrow(/fetch function/)
})
