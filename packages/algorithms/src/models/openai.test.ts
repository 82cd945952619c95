import { type Logger, silentLogger } from '@agl/types'
import { describe, expect, it } from 'vitest'
import { answer, completion, serveModel, unsupported } from './model-server.test-support.ts'
import { createOpenAiModel } from './openai.ts'
import type { ModelCallOptions } from './retry.ts'

const hello = { messages: [{ role: 'user', content: 'Hello' }] } as const
const atOnce = { retry: { baseMs: 1, maxMs: 1 } }
const apiKey = 'sk-secret-0123456789'

describe('createOpenAiModel', () => {
  it('asks any endpoint that speaks Chat Completions', async () => {
    const { url, seen } = await serveModel((response) => answer(response, completion('Hi.')))
    const parameters = { reasoning_effort: 'low' }
    const model = createOpenAiModel({
      baseUrl: `${url}/v1/?api-version=3`,
      apiKey,
      model: 'm',
      parameters,
      headers: { 'x-team': 'desk' },
    })
    expect(model.name).toBe('m')
    const schema = { type: 'object', properties: {}, required: [], additionalProperties: false }
    const request = { ...hello, temperature: 0.5, maxTokens: 20, seed: 3 }
    expect(await model.chat({ ...request, responseFormat: schema })).toEqual({
      text: 'Hi.',
      usage: { promptTokens: 7, completionTokens: 2 },
      finishReason: 'stop',
    })
    await model.chat({ ...hello, responseFormat: 'json' })
    expect(seen[0]).toMatchObject({
      path: '/v1/chat/completions?api-version=3',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', 'x-team': 'desk' },
    })
    expect(seen.map(({ body }) => body)).toEqual([
      {
        model: 'm',
        ...parameters,
        messages: hello.messages,
        temperature: 0.5,
        max_tokens: 20,
        seed: 3,
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
      },
      { model: 'm', ...parameters, messages: hello.messages, response_format: { type: 'json_object' } },
    ])
  })

  it.each([
    ['length', 'length'],
    ['content_filter', 'content_filter'],
    ['tool_calls', 'other'],
  ])('says why the model stopped: %s', async (reason, finishReason) => {
    const { url } = await serveModel((response) => answer(response, { ...completion('', reason), usage: null }))
    expect(await createOpenAiModel({ baseUrl: url, model: 'm' }).chat(hello)).toEqual({ text: '', usage: null, finishReason })
  })

  it('leaves out what a reasoning model refuses, and remembers it', async () => {
    const { url, seen } = await serveModel((response, { body }) => {
      if ('max_tokens' in body) {
        const message =
          "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        return answer(response, unsupported('max_tokens', message), 400)
      }
      if ('temperature' in body) {
        const message =
          "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported."
        return answer(response, unsupported('temperature', message), 400)
      }
      return answer(response, completion('Thought.'))
    })
    const model = createOpenAiModel({ baseUrl: url, model: 'o9', ...atOnce })
    const request = { ...hello, temperature: 0.7, maxTokens: 20 }
    expect((await model.chat(request)).text).toBe('Thought.')
    expect(seen).toHaveLength(3)
    expect((await model.chat(request)).text).toBe('Thought.')
    expect(seen.slice(2).map(({ body }) => body)).toEqual(
      [2, 3].map(() => ({ model: 'o9', messages: hello.messages, max_completion_tokens: 20 })),
    )
  })

  it('calls that are in flight together each hear the refusal, and none fails of it', async () => {
    const { url, seen } = await serveModel((response, { body }) => {
      if ('temperature' in body) answer(response, unsupported('temperature', "'temperature' is not supported"), 400)
      else answer(response, completion('Hi.'))
    })
    const model = createOpenAiModel({ baseUrl: url, model: 'm', ...atOnce })
    const replies = await Promise.all([1, 2, 3].map(() => model.chat({ ...hello, temperature: 1 })))
    expect(replies.map(({ text }) => text)).toEqual(['Hi.', 'Hi.', 'Hi.'])
    expect(seen).toHaveLength(6)
  })

  it('asks in words for a format that the endpoint does not know, and leaves out what stands in `parameters` too', async () => {
    const { url, seen } = await serveModel((response, { body }) => {
      if ('response_format' in body)
        answer(response, { detail: [{ loc: ['body', 'response_format'], msg: 'Extra inputs are not permitted' }] }, 422)
      else if ('seed' in body) answer(response, unsupported('', 'unknown field seed'), 400)
      else answer(response, completion('{}'))
    })
    const model = createOpenAiModel({ baseUrl: url, model: 'm', parameters: { seed: 1 }, ...atOnce })
    // An empty `param` says nothing; the text does.
    expect((await model.chat({ ...hello, responseFormat: { type: 'object', title: 'Edit' } })).text).toBe('{}')
    const { messages, ...rest } = seen.at(-1)!.body as { messages: readonly { content: string }[] }
    expect(rest).toEqual({ model: 'm' })
    expect(messages.at(-1)!.content).toContain('"title":"Edit"')
  })

  it.each([400, 401, 403, 404, 422])(
    'does not ask again after %d; the error names URL, status and body, never the key',
    async (status) => {
      const { url, seen } = await serveModel((response) =>
        answer(response, { error: { message: `Incorrect key ${apiKey} for temperature` } }, status),
      )
      const model = createOpenAiModel({ baseUrl: `${url}/v1?key=hidden`, apiKey, model: 'm', ...atOnce })
      const error = (await model.chat({ ...hello, temperature: 1 }).catch((thrown: unknown) => thrown)) as Error
      expect(error).toMatchObject({ isRetryable: false, data: { status, url: `${url}/v1/chat/completions` } })
      expect(error.message).toContain(
        `POST ${url}/v1/chat/completions answered ${status}: {"error":{"message":"Incorrect key … for`,
      )
      expect(JSON.stringify([error, error.message])).not.toMatch(/secret|hidden/)
      expect(seen).toHaveLength(1)
    },
  )

  it('says that a prompt is too long', async () => {
    const { url } = await serveModel((response) =>
      answer(response, { error: { message: 'too long', code: 'context_length_exceeded' } }, 400),
    )
    await expect(createOpenAiModel({ baseUrl: url, model: 'm' }).chat(hello)).rejects.toMatchObject({
      code: 'context_length_exceeded',
    })
  })

  it('asks again when the service is busy, broken, or gone in the middle, until it answers', async () => {
    const { url, seen } = await serveModel((response, _seen, index) => {
      switch (index) {
        case 0:
          return answer(response, { error: 'slow down' }, 429, { 'retry-after-ms': '5' })
        case 1:
          return answer(response, 'overloaded', 529)
        case 2:
          return response.socket?.destroy()
        case 3:
          // The length promises more than comes.
          response.writeHead(200, { 'content-length': '100' })
          response.write('{"choices"', () => response.socket?.destroy())
          return undefined
        case 4:
          return answer(response, '<html>a proxy</html>')
        case 5:
          // As gateways answer when the model behind them fails.
          return answer(response, { error: { message: 'Provider returned error', code: 502 } })
        default:
          return answer(response, completion('At last.'))
      }
    })
    expect((await createOpenAiModel({ baseUrl: url, model: 'm', ...atOnce }).chat(hello)).text).toBe('At last.')
    expect(seen).toHaveLength(7)
  })

  it('ends a try that hangs, and asks again', async () => {
    const { url } = await serveModel((response, _seen, index) => {
      if (index > 0) answer(response, completion('Second.'))
    })
    const model = createOpenAiModel({ baseUrl: url, model: 'm', requestTimeoutMs: 200, ...atOnce })
    expect((await model.chat(hello)).text).toBe('Second.')
  })

  it.each<[string, ModelCallOptions, Record<string, string>, number, RegExp]>([
    ['tries', { retry: { attempts: 3, baseMs: 1, maxMs: 1 } }, {}, 3, /answered 503: busy \(given up: 3 of 3 tries\)$/],
    [
      'time',
      { deadlineMs: 60_000 },
      { 'retry-after': '61' },
      1,
      /\(given up: the next try would come after the 60000 ms that a call has\)$/,
    ],
    [
      'time, by a date',
      { deadlineMs: 60_000 },
      { 'retry-after': new Date(Date.now() + 120_000).toUTCString() },
      1,
      /given up: the next try would come/,
    ],
  ])('gives up when it is out of %s', async (_what, options, headers, requests, words) => {
    const { url, seen } = await serveModel((response) => answer(response, 'busy', 503, headers))
    const error = (await createOpenAiModel({ baseUrl: url, model: 'm', ...options })
      .chat(hello)
      .catch((thrown: unknown) => thrown)) as Error
    expect(error).toMatchObject({
      code: 'upstream_failed',
      isRetryable: true,
      data: { status: 503, body: 'busy', tries: requests },
    })
    expect(error.message).toMatch(words)
    expect(seen).toHaveLength(requests)
  })

  it('a service that hangs for ever costs the deadline, not more', async () => {
    const { url } = await serveModel(() => {})
    const model = createOpenAiModel({ baseUrl: url, model: 'm', deadlineMs: 100 })
    await expect(model.chat(hello)).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringMatching(/no answer within \d+ ms/),
    })
  })

  it('ends with the reason of its signal, before, during a request, and during a pause', async () => {
    const hanging = await serveModel(() => {})
    const busy = await serveModel((response) => answer(response, 'busy', 429, { 'retry-after': '100' }))
    const stop = new AbortController()
    const signal = stop.signal
    let onPause = (): void => {}
    const paused = new Promise<void>((resolve) => (onPause = resolve))
    const logger: Logger = { ...silentLogger, warn: (_message, fields) => (fields?.['tries'] === 1 ? onPause() : undefined) }
    const chatting = [
      createOpenAiModel({ baseUrl: hanging.url, model: 'm' }).chat({ ...hello, signal }),
      createOpenAiModel({ baseUrl: busy.url, model: 'm', logger }).chat({ ...hello, signal }),
    ]
    await Promise.all([hanging.count(1), paused])
    stop.abort(new Error('enough'))
    for (const one of [...chatting, createOpenAiModel({ baseUrl: busy.url, model: 'm' }).chat({ ...hello, signal })]) {
      await expect(one).rejects.toThrow('enough')
    }
    expect(busy.seen).toHaveLength(1)
  })

  it('says who cannot be reached', async () => {
    const model = createOpenAiModel({ baseUrl: 'http://127.0.0.1:1/v1', model: 'm', retry: { attempts: 1 } })
    await expect(model.chat(hello)).rejects.toThrow(
      /^POST http:\/\/127\.0\.0\.1:1\/v1\/chat\/completions gave no answer: .+ \(given up: 1 of 1 tries\)$/,
    )
  })

  it.each([
    [{ model: 'm', retries: 3 }, /retries/],
    [{}, /model/],
    [{ model: 'm', baseUrl: 'ftp://host' }, /baseUrl/],
    [{ model: 'm', baseUrl: 'http://me:pass@host' }, /`headers`/],
    [{ model: 'm', retry: { attempts: 0 } }, /attempts/],
    [{ model: 'm', deadlineMs: Infinity }, /deadlineMs/],
  ])('refuses options %j', (options, words) => {
    expect(() => createOpenAiModel(options as never)).toThrow(words)
    expect(() => createOpenAiModel(options as never)).not.toThrow(/pass@/)
  })

  it.each([
    {},
    { messages: [] },
    { messages: [{ role: 'tool', content: '' }] },
    { ...hello, maxTokens: 0 },
    { ...hello, max_tokens: 1 },
  ])('refuses the request %j', async (request) => {
    await expect(createOpenAiModel({ model: 'm' }).chat(request as never)).rejects.toMatchObject({ code: 'invalid_argument' })
  })
})
