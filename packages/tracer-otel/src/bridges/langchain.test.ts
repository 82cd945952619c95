import { type ModelServer, startModelServer } from '@agl/example-model-server'
import { type ModelCall, readModelCall } from '@agl/model-calls'
import type { AIMessageChunk, BaseMessage } from '@langchain/core/messages'
import { AsyncLocalStorageProviderSingleton } from '@langchain/core/singletons'
import { tool } from '@langchain/core/tools'
import { END, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph'
import { ToolNode } from '@langchain/langgraph/prebuilt'
import { ChatOpenAI } from '@langchain/openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createTracedFetch } from '../index.ts'
import { createLangChainBridge } from './langchain.ts'
import { outline, record } from './record.test-support.ts'

let server: ModelServer
beforeAll(async () => {
  server = await startModelServer()
})
afterAll(() => server.close())

const getPrice = tool(({ item }) => `The ${item}: ${item.length} crowns`, {
  name: 'get_price',
  description: 'Price of an item',
  schema: z.object({ item: z.string() }),
})

function createModel(fetch: typeof globalThis.fetch | undefined): ChatOpenAI {
  const configuration = { baseURL: `${server.url}/v1`, ...(fetch && { fetch }) }
  return new ChatOpenAI({ model: 'scripted', apiKey: 'none', temperature: 0.5, configuration })
}

/** A clerk with a tool, in a graph. */
function createGraph(model: ChatOpenAI, streaming = false) {
  const clerk = model.bindTools([getPrice])
  const answer = async (messages: BaseMessage[], config: object): Promise<BaseMessage> => {
    if (!streaming) return await clerk.invoke(messages)
    // Not `streaming: true`: ChatOpenAI then counts tokens with tables from the network. Streams do not inherit callbacks.
    const chunks: AIMessageChunk[] = []
    for await (const chunk of await clerk.stream(messages, config)) chunks.push(chunk)
    return chunks.reduce((all, chunk) => all.concat(chunk))
  }
  return new StateGraph(MessagesAnnotation)
    .addNode('clerk', async ({ messages }, config) => ({ messages: [await answer(messages, config)] }))
    .addNode('tools', new ToolNode([getPrice]))
    .addEdge(START, 'clerk')
    .addEdge('tools', 'clerk')
    .addConditionalEdges('clerk', ({ messages }) => {
      const last = messages.at(-1) as { tool_calls?: readonly unknown[] } | undefined
      return (last?.tool_calls?.length ?? 0) > 0 ? 'tools' : END
    })
    .compile()
}

const ask = (item: string) => ({ messages: [{ role: 'user', content: `What does the ${item} cost?` }] })
const callsOf = (spans: readonly Parameters<typeof readModelCall>[0][]): readonly ModelCall[] =>
  spans.flatMap((span) => readModelCall(span) ?? [])
const runs = AsyncLocalStorageProviderSingleton

it('records graph, nodes and tools with their parents, and each call in the run that made it', async () => {
  const bridge = createLangChainBridge({ runs, fetch: createTracedFetch({ tokenIds: true }) })
  const graph = createGraph(createModel(bridge.fetch))
  const [spans] = await record(['lamp'], (item) => graph.invoke(ask(item), { callbacks: [bridge.callbacks], runName: 'shop' }))
  expect(outline(spans!).filter((line) => !line.includes('RunnableLambda') && !line.includes('__start__'))).toEqual([
    'invoke_agent shop',
    '  clerk',
    '    ChatOpenAI',
    '      openai.chat.completion',
    '        tool_call.get_price',
    '  tools',
    '    execute_tool get_price',
    '  clerk',
    '    ChatOpenAI',
    '      openai.chat.completion',
  ])
  const attributes = (name: string): unknown => spans!.find((span) => span.name === name)?.attributes
  expect(attributes('clerk')).toEqual({ 'graph.node.id': 'clerk' })
  expect(attributes('execute_tool get_price')).toMatchObject({
    'gen_ai.tool.call.id': expect.stringMatching(/^call_/),
    'gen_ai.tool.call.arguments': '{"item":"lamp"}',
    'gen_ai.tool.call.result': 'The lamp: 4 crowns',
  })
  const calls = callsOf(spans!)
  expect(calls).toHaveLength(2)
  expect(calls[1]!.promptTokenIds!.slice(0, 20)).toEqual(calls[0]!.promptTokenIds!.slice(0, 20))
})

describe.each([{ streaming: false }, { streaming: true }])('without its fetch, streaming: $streaming', ({ streaming }) => {
  it('records calls from what LangChain tells, as the fetch would have', async () => {
    const read = async (fetch: typeof globalThis.fetch | undefined): Promise<ModelCall> => {
      const bridge = createLangChainBridge({ runs, ...(fetch && { fetch }) })
      const graph = createGraph(createModel(fetch && bridge.fetch), streaming)
      const [spans] = await record(['lamp'], (item) => graph.invoke(ask(item), { callbacks: [bridge.callbacks] }))
      const calls = callsOf(spans!)
      expect(calls).toHaveLength(2)
      return calls[1]!
    }
    const [told, fetched] = [await read(undefined), await read(createTracedFetch())]
    expect(told.responseId).toMatch(/^chatcmpl-\d+$/)
    // Every answer has a number of its own, which is part of the ids of its calls.
    const plain = ({ messages, choices, tools, usage, model, parameters }: ModelCall): string =>
      JSON.stringify({
        messages,
        message: choices[0]!.message.content,
        tools,
        usage,
        model,
        temperature: parameters['temperature'],
      })
    expect(plain(told).replaceAll(/call_\d+/g, 'call')).toBe(plain(fetched).replaceAll(/call_\d+/g, 'call'))
  })
})

it('records a model that is called alone', async () => {
  const bridge = createLangChainBridge({ runs })
  const model = createModel(bridge.fetch)
  const [spans] = await record(['lamp'], (item) => model.invoke(ask(item).messages, { callbacks: [bridge.callbacks] }))
  expect(outline(spans!)).toEqual(['ChatOpenAI', '  openai.chat.completion'])
})

it('keeps twenty graphs at once apart', async () => {
  const bridge = createLangChainBridge({ runs })
  const graph = createGraph(createModel(bridge.fetch), true)
  const items = Array.from({ length: 20 }, (_, index) => `lamp ${'I'.repeat(index + 1)}.`)
  const recorded = await record(items, (item) => graph.invoke(ask(item), { callbacks: [bridge.callbacks] }))
  for (const [index, spans] of recorded.entries()) {
    const known = new Set(spans.map(({ span_id: id }) => id))
    expect(spans.filter(({ parent_id: id }) => id === null || !known.has(id))).toHaveLength(1)
    const calls = callsOf(spans)
    expect(calls.map(({ messages }) => messages[0]?.content)).toEqual(Array(2).fill(`What does the ${items[index]} cost?`))
    expect(calls[1]!.choices[0]!.message.content).toBe(`The ${items[index]} costs ${items[index]!.length} crowns.`)
  }
})

it('hangs calls of nodes that run side by side under their own nodes, whichever request goes out first', async () => {
  const bridge = createLangChainBridge({ runs })
  const sent = Promise.withResolvers<void>()
  const left = createModel(async (input, init) => {
    await sent.promise
    return await bridge.fetch(input, init)
  })
  const right = createModel((input, init) => {
    const response = bridge.fetch(input, init)
    sent.resolve()
    return response
  })
  const answer = (model: ChatOpenAI, item: string) => async () => ({ messages: [await model.invoke(ask(item).messages)] })
  const graph = new StateGraph(MessagesAnnotation)
    .addNode('left', answer(left, 'lamp'))
    .addNode('right', answer(right, 'desk'))
    .addEdge(START, 'left')
    .addEdge(START, 'right')
    .compile()
  const [spans] = await record(['both'], () => graph.invoke({ messages: [] }, { callbacks: [bridge.callbacks] }))
  const byId = new Map(spans!.map((span) => [span.span_id, span]))
  const asked = spans!.flatMap((span) => {
    const call = readModelCall(span)
    const run = byId.get(span.parent_id ?? '')
    return call === null ? [] : [[byId.get(run?.parent_id ?? '')?.name, call.messages[0]?.content]]
  })
  expect(Object.fromEntries(asked)).toEqual({ left: 'What does the lamp cost?', right: 'What does the desk cost?' })
})

it('gives each of the calls that a node makes at once a run of its own', async () => {
  const bridge = createLangChainBridge({ runs })
  const model = createModel(bridge.fetch)
  const graph = new StateGraph(MessagesAnnotation)
    .addNode('clerk', async ({ messages }) => ({ messages: await Promise.all([model.invoke(messages), model.invoke(messages)]) }))
    .addEdge(START, 'clerk')
    .compile()
  const [spans] = await record(['lamp'], (item) => graph.invoke(ask(item), { callbacks: [bridge.callbacks] }))
  const ofModels = outline(spans!).filter((line) => /ChatOpenAI|completion/.test(line))
  const one = ['    ChatOpenAI', '      openai.chat.completion']
  expect(ofModels).toEqual([...one, ...one])
})

it('records what failed, with the reason', async () => {
  const bridge = createLangChainBridge({ runs })
  const graph = new StateGraph(MessagesAnnotation)
    .addNode('clerk', () => Promise.reject(new Error('The clerk is ill')))
    .addEdge(START, 'clerk')
    .compile()
  const [spans] = await record(['lamp'], (item) => graph.invoke(ask(item), { callbacks: [bridge.callbacks] }).catch(() => {}))
  const node = spans!.find(({ name }) => name === 'clerk')
  expect(node?.status).toEqual({ status_code: 'ERROR', description: 'Error: The clerk is ill' })
})

it('says what an option should have been', () => {
  expect(() => createLangChainBridge({} as never)).toThrow(/AsyncLocalStorageProviderSingleton/)
})
