import Anthropic from '@anthropic-ai/sdk'
import * as fc from 'fast-check'
import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import type { ModelCall } from '../model-call.ts'
import { readExchange } from '../read-exchange.ts'
import { chat, completion, messages, type RecordedStream, response, streams, toText } from './events.test-support.ts'
import { createStreamAssembler, type StreamAssembler } from './stream-assembler.ts'

function assemble({ api }: Pick<RecordedStream, 'api'>, ...pieces: readonly string[]): StreamAssembler {
  const assembler = createStreamAssembler(api)
  for (const piece of pieces) assembler.feed(piece)
  return assembler
}
const read = ({ api }: Pick<RecordedStream, 'api'>, answer: unknown) => readExchange({ api, request: {}, answer })
const whole = (stream: RecordedStream) => read(stream, assemble(stream, toText(stream)).answer())

function withoutIds(call: ModelCall): ModelCall {
  return { ...call, promptTokenIds: null, choices: call.choices.map((choice) => ({ ...choice, tokenIds: null })) }
}

/** What the vendors' own clients make of the same bytes. */
const fetch = (stream: RecordedStream) => async () =>
  new Response(toText(stream), { headers: { 'content-type': 'text/event-stream' } })
const openai = (stream: RecordedStream) => new OpenAI({ apiKey: 'none', fetch: fetch(stream) })
const ask = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] }

describe('what a stream is put together into', () => {
  it('is what the client of OpenAI makes of chat completions, and token ids, which that leaves out', async () => {
    const theirs = await openai(chat)
      .chat.completions.stream({ ...ask, n: 2 })
      .finalChatCompletion()
    const ours = whole(chat)
    expect(withoutIds(ours)).toEqual(withoutIds(read(chat, theirs)))
    expect(ours.promptTokenIds).toEqual([1, 2, 3])
    expect(ours.choices.map(({ tokenIds }) => tokenIds)).toEqual([[7, 8, 9], [5]])
    expect(assemble(chat, toText(chat)).answer()).toMatchObject({ object: 'chat.completion', id: 'c-1', created: 1 })
  })

  it('is what the client of OpenAI makes of responses', async () => {
    const theirs = await openai(response).responses.stream({ model: 'm', input: 'hi' }).finalResponse()
    expect(whole(response)).toEqual(read(response, theirs))
    expect(whole(response).choices[0]!.message).toMatchObject({ content: '12 crowns.', reasoning_content: 'Easy enough.' })
  })

  it('is what the client of Anthropic makes of messages', async () => {
    const client = new Anthropic({ apiKey: 'none', fetch: fetch(messages) })
    const theirs = await client.messages.stream({ ...ask, max_tokens: 9 }).finalMessage()
    expect(theirs).toMatchObject(assemble(messages, toText(messages)).answer() as object)
    expect(whole(messages)).toMatchObject({
      usage: { inputTokens: 15, outputTokens: 9 },
      choices: [{ message: { content: 'One moment.', reasoning_content: 'I look it up.' }, finishReason: 'tool_calls' }],
    })
  })

  it('holds the text, ids and log-probabilities of completions', () => {
    expect(whole(completion)).toMatchObject({
      promptTokenIds: [3],
      usage: { inputTokens: 1, outputTokens: 2 },
      choices: [
        {
          message: { content: ' upon' },
          finishReason: 'stop',
          tokenIds: [5, 6],
          logprobs: [
            { token: ' up', logprob: -1 },
            { token: 'on', logprob: -2 },
          ],
        },
      ],
    })
  })

  it('is the same wherever the stream is cut', () => {
    fc.assert(
      fc.property(fc.constantFrom(...streams), fc.array(fc.nat(9999)), (stream, cuts) => {
        const text = toText(stream)
        const places = [0, ...cuts.map((cut) => cut % text.length).sort((a, b) => a - b), text.length]
        const pieces = places.slice(1).map((place, index) => text.slice(places[index], place))
        expect(read(stream, assemble(stream, ...pieces).answer())).toEqual(whole(stream))
      }),
    )
  })

  it('is, when the stream breaks off, a beginning of it, and says so', () => {
    for (const stream of streams) {
      const { message: said } = whole(stream).choices[0]!
      // Before the last two, which are the end mark and, of Messages, what ended the message.
      for (let count = 0; count < stream.events.length - 2; count++) {
        const assembler = assemble(
          stream,
          toText({ ...stream, events: stream.events.slice(0, count) }).replace('data: [DONE]\n\n', ''),
        )
        const message = read(stream, assembler.answer()).choices[0]?.message
        expect(String(said.content).startsWith(String(message?.content ?? ''))).toBe(true)
        expect(said.tool_calls?.length ?? 0).toBeGreaterThanOrEqual(message?.tool_calls?.length ?? 0)
        expect(assembler.problem() === null, `${stream.api} after ${count}`).toBe(stream === completion && count === 2)
        expect(assembler.isEnded()).toBe(false)
      }
      const assembler = assemble(stream, toText(stream))
      expect([assembler.problem(), assembler.isEnded()]).toEqual([null, true])
    }
  })

  it('of responses stands without the last event, or when that holds nothing', () => {
    const broken = { ...response, events: response.events.slice(0, -1) }
    const { choices } = whole(response)
    expect(whole(broken).choices).toEqual([{ ...choices[0], finishReason: null }])
    const empty = { type: 'response.completed', response: { id: 'resp_1', status: 'completed', output: [] } }
    expect(whole({ ...response, events: [...broken.events, empty] }).choices).toEqual(choices)
  })

  it('of responses stands on deltas alone', () => {
    const deltas = response.events.filter(({ type }) => String(type).endsWith('.delta'))
    const { message, logprobs } = whole({ ...response, events: deltas }).choices[0]!
    expect(message).toMatchObject({ content: '12 crowns.', reasoning_content: 'Easy enough.' })
    expect(logprobs).toEqual(whole(response).choices[0]!.logprobs)
  })

  it('keeps input of a tool that broke off as the text that it is', () => {
    const events = messages.events.slice(0, 14)
    expect(whole({ ...messages, events }).choices[0]!.message.tool_calls).toMatchObject([{ function: { arguments: '{"a"' } }])
  })

  it('of messages is whole at its end, whether or not that says why', () => {
    const events = messages.events.filter(({ type }) => type !== 'message_delta')
    expect(assemble(messages, toText({ ...messages, events })).problem()).toBeNull()
  })

  it('goes on after an event that no API has', () => {
    const strange = { type: 'response.output_item.added', output_index: 1, item: { ...response.events[7], content: ['x'] } }
    const events = response.events.with(7, strange).with(8, { choices: 3 })
    expect(whole({ ...response, events })).toEqual(whole(response))
  })

  it('is null when nothing came', () => {
    for (const stream of streams) expect(assemble(stream, ': nothing\n\n').answer()).toBeNull()
  })
})

describe('an error in the stream is a problem', () => {
  it.each([
    [chat, { error: { message: 'out of memory' } }],
    [response, { type: 'error', code: 'server_error', message: 'out of memory', param: null, sequence_number: 2 }],
    [
      response,
      { type: 'response.failed', response: { status: 'failed', error: { code: 'x', message: 'out of memory' }, output: [] } },
    ],
    [messages, { type: 'error', error: { type: 'overloaded_error', message: 'out of memory' } }],
  ])('of $api', (stream, error) => {
    const assembler = assemble(stream, toText({ ...stream, events: [...stream.events.slice(0, 5), error] }))
    expect(assembler.problem()).toMatch(/out of memory/)
  })

  it('a failed response says so without an error too', () => {
    const failed = { type: 'response.failed', response: { status: 'failed', output: [] } }
    expect(assemble(response, toText({ ...response, events: [failed] })).problem()).toMatch(/failed/)
  })
})

it('an index that is no place takes no memory and loses nothing', () => {
  const call = (index: unknown) => ({
    choices: [{ index: 0, delta: { tool_calls: [{ index, id: `t${String(index)}`, function: { name: 'f' } }] } }],
  })
  for (const index of [4_294_967_294, -1, 1.5, 'x', null]) {
    const { choices } = whole({ ...chat, events: [call(0), call(index)] })
    expect(choices[0]!.message.tool_calls).toHaveLength(2)
  }
})

it('token ids by the hundred thousand are taken', () => {
  const ids = Array.from({ length: 300_000 }, (_, index) => index)
  const { choices } = whole({ ...chat, events: [{ choices: [{ index: 0, delta: {}, token_ids: ids }] }] })
  expect(choices[0]!.tokenIds).toHaveLength(300_000)
})

it('nothing that comes as an event makes it throw', () => {
  const keys = fc.constantFrom(
    'type',
    'choices',
    'delta',
    'index',
    'tool_calls',
    'function',
    'response',
    'output',
    'item',
    'usage',
    '__proto__',
  )
  const more = fc.constantFrom(
    'output_index',
    'content_index',
    'content',
    'message',
    'content_block',
    'logprobs',
    'token_ids',
    'text',
    'error',
  )
  const types = fc.constantFrom(...streams.flatMap(({ events }) => events.map(({ type }) => type ?? 'x')))
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 6 },
      types,
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie('json'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(keys, more), tie('json'), { maxKeys: 6 }),
    ),
  }))
  const event = fc.oneof(
    json,
    fc.tuple(types, fc.dictionary(fc.oneof(keys, more), json)).map(([type, rest]) => ({ ...rest, type })),
  )
  fc.assert(
    fc.property(fc.constantFrom(...streams), fc.array(fc.oneof(event, fc.string()), { maxLength: 8 }), (stream, events) => {
      const text = events.map((each) => `data: ${typeof each === 'string' ? each : JSON.stringify(each)}\n\n`).join('')
      const assembler = assemble(stream, text)
      read(stream, assembler.answer())
      assembler.problem()
      expect(typeof assembler.isEnded()).toBe('boolean')
    }),
    { numRuns: 1000 },
  )
})
