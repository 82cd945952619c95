/**
 * A graph of LangGraph with a model of LangChain. The lines marked with * record it: the first each model call, the second graph,
 * nodes and tools.
 */
import { type PriceTask, priceOf, readTasks, report, score } from '@agl/example-capture-kit'
import { startModelServer } from '@agl/example-model-server'
import { createRunner, rollout } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import { createOtelTracer, createTracedFetch, emitReward } from '@agl/tracer-otel'
import { createLangChainBridge } from '@agl/tracer-otel/langchain'
import { isAIMessage } from '@langchain/core/messages'
import { AsyncLocalStorageProviderSingleton } from '@langchain/core/singletons'
import { tool } from '@langchain/core/tools'
import { END, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph'
import { ToolNode } from '@langchain/langgraph/prebuilt'
import { ChatOpenAI } from '@langchain/openai'
import { z } from 'zod'

const server = await startModelServer()
const bridge = createLangChainBridge({
  runs: AsyncLocalStorageProviderSingleton,
  fetch: createTracedFetch({ tokenIds: true }),
})
const getPrice = tool(({ item }) => priceOf(item), {
  name: 'get_price',
  description: 'Price of an item',
  schema: z.object({ item: z.string() }),
})
const model = new ChatOpenAI({
  model: 'scripted',
  apiKey: 'none',
  configuration: { baseURL: `${server.url}/v1`, fetch: bridge.fetch }, // *
}).bindTools([getPrice])

const graph = new StateGraph(MessagesAnnotation)
  .addNode('clerk', async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
  .addNode('tools', new ToolNode([getPrice]))
  .addEdge(START, 'clerk')
  .addEdge('tools', 'clerk')
  .addConditionalEdges('clerk', ({ messages }) => {
    const last = messages.at(-1)!
    return isAIMessage(last) && (last.tool_calls?.length ?? 0) > 0 ? 'tools' : END
  })
  .compile()

const agent = rollout<PriceTask>(async (task, { signal }) => {
  const question = { role: 'user', content: task.question }
  const { messages } = await graph.invoke(
    { messages: [question] },
    { runName: 'shop', signal, callbacks: [bridge.callbacks] }, // *
  )
  emitReward(score(messages.at(-1)!.text, task))
})

const store = createMemoryStore()
const tracer = createOtelTracer()
const tasks = readTasks()
await store.enqueueManyRollouts({ rollouts: tasks.map((input) => ({ input })) })
await createRunner({ agent, store, tracer, concurrency: tasks.length, maxRollouts: tasks.length }).run()

await report('@langchain/langgraph 1.4.16, @langchain/openai 1.6, recorded by createLangChainBridge', store)
await tracer.close()
await store.close()
await server.close()
