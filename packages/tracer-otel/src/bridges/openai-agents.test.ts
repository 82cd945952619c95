import { type ModelServer, startModelServer } from '@agl/example-model-server'
import { type ModelCall, readModelCall } from '@agl/model-calls'
import { Agent, getCurrentSpan, OpenAIProvider, Runner, setTraceProcessors, setTracingDisabled, tool } from '@openai/agents'
import OpenAI from 'openai'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createOtelTracer, createTracedFetch } from '../index.ts'
import { createAgentsBridge } from './openai-agents.ts'
import { outline, record } from './record.test-support.ts'

let server: ModelServer
beforeAll(async () => {
  server = await startModelServer()
  // The SDK does not trace where NODE_ENV is test.
  setTracingDisabled(false)
})
afterAll(() => server.close())
afterEach(() => setTraceProcessors([]))

const getPrice = tool({
  name: 'get_price',
  description: 'Price of an item',
  parameters: z.object({ item: z.string() }),
  execute: ({ item }) => `The ${item}: ${item.length} crowns`,
})
const clerk = new Agent({ name: 'Clerk', instructions: 'Answer.', tools: [getPrice] })
const desk = new Agent({ name: 'Desk', instructions: 'Hand over.', handoffs: [clerk] })

function createRunner({ fetch, useResponses = false }: { fetch?: typeof globalThis.fetch; useResponses?: boolean }): Runner {
  const openAIClient = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', ...(fetch && { fetch }) })
  return new Runner({ modelProvider: new OpenAIProvider({ openAIClient, useResponses }), model: 'scripted' })
}

const callsOf = (spans: readonly Parameters<typeof readModelCall>[0][]): readonly ModelCall[] =>
  spans.flatMap((span) => readModelCall(span) ?? [])

describe.each([{ useResponses: false }, { useResponses: true }])('Responses: $useResponses', ({ useResponses }) => {
  it('records agents, handoffs and tools with their parents, and each call in the span of the agent that made it', async () => {
    const bridge = createAgentsBridge({ getCurrentSpan, fetch: createTracedFetch({ tokenIds: true }) })
    setTraceProcessors([bridge.processor])
    const runner = createRunner({ fetch: bridge.fetch, useResponses })
    const [spans] = await record(['lamp'], (item) => runner.run(desk, `What does the ${item} cost?`))
    const call = useResponses ? 'response' : 'generation'
    expect(outline(spans!)).toEqual([
      'task Agent workflow',
      '  invoke_agent Desk',
      '    turn',
      `      ${call}`,
      '        openai.chat.completion',
      '          tool_call.transfer_to_Clerk',
      '      handoff',
      '  invoke_agent Clerk',
      '    turn',
      `      ${call}`,
      '        openai.chat.completion',
      '          tool_call.get_price',
      '      execute_tool get_price',
      '    turn',
      `      ${call}`,
      '        openai.chat.completion',
    ])
    const attributes = (name: string): unknown => spans!.find((span) => span.name === name)?.attributes
    expect(attributes('invoke_agent Clerk')).toMatchObject({ 'gen_ai.agent.name': 'Clerk' })
    expect(attributes('handoff')).toEqual({ from_agent: 'Desk', to_agent: 'Clerk' })
    expect(attributes('execute_tool get_price')).toMatchObject({
      'gen_ai.tool.call.arguments': '{"item":"lamp"}',
      'gen_ai.tool.call.result': 'The lamp: 4 crowns',
    })
    const calls = callsOf(spans!)
    expect(calls).toHaveLength(3)
    expect(calls.map(({ tools }) => tools?.[0]?.function.name)).toEqual(['transfer_to_Clerk', 'get_price', 'get_price'])
    expect(calls[2]!.choices[0]!.message.content).toBe('The lamp costs 4 crowns.')
    expect(calls.every(({ promptTokenIds }) => (promptTokenIds === null) === useResponses)).toBe(true)
  })

  it('records calls that do not go through its fetch, from what the SDK tells, and streams', async () => {
    setTraceProcessors([createAgentsBridge({ getCurrentSpan }).processor])
    const runner = createRunner({ useResponses })
    const [spans] = await record(['lamp'], async (item) => {
      const streamed = await runner.run(clerk, `What does the ${item} cost?`, { stream: true })
      await streamed.completed
    })
    const calls = callsOf(spans!)
    expect(calls).toHaveLength(2)
    expect(calls[1]).toMatchObject({
      model: 'scripted',
      messages: [
        { role: 'system', content: 'Answer.' },
        { role: 'user', content: 'What does the lamp cost?' },
        { role: 'assistant', tool_calls: [{ function: { name: 'get_price', arguments: '{"item":"lamp"}' } }] },
        { role: 'tool', content: 'The lamp: 4 crowns' },
      ],
      choices: [{ message: { role: 'assistant', content: 'The lamp costs 4 crowns.' } }],
    })
    expect(calls[0]!.responseId).toMatch(useResponses ? /^resp_/ : /^chatcmpl-/)
    expect(calls.every(({ usage }) => usage !== null && usage.outputTokens! > 0)).toBe(true)
  })
})

it('keeps twenty runs at once apart', async () => {
  const bridge = createAgentsBridge({ getCurrentSpan })
  setTraceProcessors([bridge.processor])
  const runner = createRunner({ fetch: bridge.fetch })
  const items = Array.from({ length: 20 }, (_, index) => `lamp ${'I'.repeat(index + 1)}.`)
  const recorded = await record(items, (item) => runner.run(desk, `What does the ${item} cost?`))
  for (const [index, spans] of recorded.entries()) {
    expect(spans).toHaveLength(16)
    const [first, ...others] = new Set(spans.map(({ trace_id: id }) => id))
    expect([first, ...others]).toHaveLength(1)
    const calls = callsOf(spans)
    expect(calls.map(({ messages }) => messages[1]?.content)).toEqual(Array(3).fill(`What does the ${items[index]} cost?`))
    expect(calls[2]!.choices[0]!.message.content).toBe(`The ${items[index]} costs ${items[index]!.length} crowns.`)
  }
})

it('records what failed, with the reason', async () => {
  const bridge = createAgentsBridge({ getCurrentSpan })
  setTraceProcessors([bridge.processor])
  const openAIClient = new OpenAI({ baseURL: `${server.url}/nothing`, apiKey: 'none', fetch: bridge.fetch })
  const runner = new Runner({ modelProvider: new OpenAIProvider({ openAIClient, useResponses: false }), model: 'scripted' })
  const [spans] = await record(['lamp'], (item) => runner.run(clerk, item).catch(() => {}))
  const failed = spans!.filter(({ status }) => status.status_code === 'ERROR').map(({ name }) => name)
  expect(failed).toEqual(expect.arrayContaining(['openai.chat.completion', 'generation']))
})

it('leaves runs outside of attempts alone', async () => {
  const bridge = createAgentsBridge({ getCurrentSpan })
  setTraceProcessors([bridge.processor])
  const result = await createRunner({ fetch: bridge.fetch }).run(clerk, 'What does the lamp cost?')
  expect(result.finalOutput).toBe('The lamp costs 4 crowns.')
})

it('makes its spans with a provider that is not the global one', async () => {
  const tracer = createOtelTracer({ registerGlobally: false })
  const bridge = createAgentsBridge({ getCurrentSpan, tracerProvider: tracer.provider })
  setTraceProcessors([bridge.processor])
  const runner = createRunner({ fetch: bridge.fetch })
  const [spans] = await record(['lamp'], (item) => runner.run(clerk, `What does the ${item} cost?`), tracer)
  expect(spans!.map(({ name }) => name)).toEqual(expect.arrayContaining(['invoke_agent Clerk', 'openai.chat.completion']))
})

it('says what an option should have been', () => {
  expect(() => createAgentsBridge({} as never)).toThrow(/getCurrentSpan of @openai\/agents/)
})
