import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeTokens, type ModelServer, startModelServer } from './index.ts'

let server: ModelServer
beforeAll(async () => {
  server = await startModelServer()
})
afterAll(() => server.close())

const question = { role: 'user', content: 'What does the lamp cost?' }
const tool = { name: 'get_price', description: 'Price of an item', parameters: { type: 'object' } }

async function post(path: string, body: unknown): Promise<Response> {
  return fetch(server.url + path, { method: 'POST', body: JSON.stringify(body) })
}

/** The body of an answer, read as whoever asks expects it. */
async function answer(path: string, body: unknown) {
  return JSON.parse(await (await post(path, body)).text())
}

/** The data of each event of a stream, in order. */
async function events(path: string, body: object): Promise<readonly string[]> {
  const text = await (await post(path, { ...body, stream: true })).text()
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => data!)
}

describe('Chat Completions', () => {
  const request = { model: 'scripted', messages: [question], tools: [{ type: 'function', function: tool }] }

  it('asks for the price, then says it; the second prompt begins with the first prompt and its answer, token by token', async () => {
    const first = await answer('/v1/chat/completions', { ...request, return_token_ids: true, logprobs: true })
    const [choice] = first.choices
    expect(choice).toMatchObject({ finish_reason: 'tool_calls', message: { tool_calls: [{ function: { name: 'get_price' } }] } })
    expect(choice.logprobs.content).toHaveLength(choice.token_ids.length)
    const result = { role: 'tool', tool_call_id: choice.message.tool_calls[0].id, content: '12 crowns' }
    const messages = [question, choice.message, result]
    const second = await answer('/v1/chat/completions', { ...request, messages, return_token_ids: true })
    expect(second.choices[0].message.content).toBe('The lamp costs 12 crowns.')
    const soFar = [...first.prompt_token_ids, ...choice.token_ids]
    expect(second.prompt_token_ids.slice(0, soFar.length)).toEqual(soFar)
    expect(decodeTokens(second.choices[0].token_ids)).toBe('The lamp costs 12 crowns.')
  })

  it('streams what it would answer whole', async () => {
    const asked = { ...request, tools: [], return_token_ids: true, stream_options: { include_usage: true } }
    const whole = await answer('/v1/chat/completions', asked)
    const data = await events('/v1/chat/completions', asked)
    expect(data.at(-1)).toBe('[DONE]')
    const chunks = data.slice(0, -1).map((line) => JSON.parse(line))
    const choices = chunks.flatMap((chunk) => chunk.choices)
    expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe(whole.choices[0].message.content)
    expect(choices.flatMap(({ token_ids: ids }) => ids ?? [])).toEqual(whole.choices[0].token_ids)
    expect(chunks[0].prompt_token_ids).toEqual(whole.prompt_token_ids)
    expect(chunks.at(-1).usage).toEqual(whole.usage)
  })
})

describe('Responses', () => {
  const request = { model: 'scripted', input: [question], tools: [{ type: 'function', ...tool }] }

  it('asks for the price, then says it', async () => {
    const first = await answer('/v1/responses', request)
    expect(first.output).toMatchObject([{ type: 'function_call', name: 'get_price', arguments: '{"item":"lamp"}' }])
    const result = { type: 'function_call_output', call_id: first.output[0].call_id, output: '12 crowns' }
    const second = await answer('/v1/responses', { ...request, input: [question, ...first.output, result] })
    expect(second.output[0].content[0].text).toBe('The lamp costs 12 crowns.')
  })

  it('streams what it would answer whole', async () => {
    const parsed = (await events('/v1/responses', request)).map((line) => JSON.parse(line))
    const pieces = parsed.filter(({ type }) => type === 'response.function_call_arguments.delta').map(({ delta }) => delta)
    expect(pieces.join('')).toBe('{"item":"lamp"}')
    expect(parsed.at(-1)).toMatchObject({ type: 'response.completed', response: { output: [{ name: 'get_price' }] } })
  })
})

describe('Messages', () => {
  const request = { model: 'scripted', messages: [question], tools: [{ ...tool, input_schema: tool.parameters }] }

  it('asks for the price, then says it', async () => {
    const first = await answer('/v1/messages', request)
    expect(first).toMatchObject({ stop_reason: 'tool_use', content: [{ type: 'tool_use', input: { item: 'lamp' } }] })
    const content = [{ type: 'tool_result', tool_use_id: first.content[0].id, content: '12 crowns' }]
    const messages = [question, { role: 'assistant', content: first.content }, { role: 'user', content }]
    const second = await answer('/v1/messages', { ...request, messages })
    expect(second.content).toMatchObject([{ type: 'text', text: 'The lamp costs 12 crowns.' }])
  })

  it('streams what it would answer whole', async () => {
    const parsed = (await events('/v1/messages', request)).map((line) => JSON.parse(line))
    const pieces = parsed.flatMap(({ delta }) => delta?.partial_json ?? [])
    expect(JSON.parse(pieces.join(''))).toEqual({ item: 'lamp' })
    expect(parsed.map(({ type }) => type).at(-1)).toBe('message_stop')
  })
})

it('hands over where it has no tool for prices, and answers the last question only', async () => {
  const transfer = { type: 'function', function: { name: 'transfer_to_clerk' } }
  const ask = async (
    messages: readonly unknown[],
    tools: readonly unknown[] = [],
  ): Promise<{ choices: [{ message: unknown }] }> => answer('/v1/chat/completions', { messages, tools })
  const handed = await ask([question], [transfer])
  expect(handed.choices[0].message).toMatchObject({ tool_calls: [{ function: { name: 'transfer_to_clerk' } }] })
  const known = [question, { role: 'assistant', content: null, tool_calls: [] }, { role: 'tool', content: '12' }]
  const next = await ask([...known, { role: 'user', content: 'What does the desk cost?' }])
  expect(next.choices[0].message).toMatchObject({ content: 'I do not know what the desk costs.' })
})

it('says what is wrong with a request', async () => {
  expect((await post('/v1/nothing', {})).status).toBe(404)
  const response = await fetch(`${server.url}/v1/messages`, { method: 'POST', body: '{' })
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('JSON')
})
