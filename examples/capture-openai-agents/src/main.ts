/**
 * Two agents on the OpenAI Agents SDK, of which one hands over to the other. The lines marked with * record them: the first each
 * model call, the second agents, handoffs and tools.
 */
import { type PriceTask, priceOf, readTasks, report, score } from '@agl/example-capture-kit'
import { startModelServer } from '@agl/example-model-server'
import { createRunner, rollout } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import { createOtelTracer, emitReward } from '@agl/tracer-otel'
import { createAgentsBridge } from '@agl/tracer-otel/openai-agents'
import { Agent, getCurrentSpan, OpenAIProvider, Runner, setTraceProcessors, tool } from '@openai/agents'
import OpenAI from 'openai'
import { z } from 'zod'

const server = await startModelServer()
const bridge = createAgentsBridge({ getCurrentSpan })
const openAIClient = new OpenAI({
  baseURL: `${server.url}/v1`,
  apiKey: 'none',
  fetch: bridge.fetch, // *
})
// In place of the SDK's own processor, which sends traces to OpenAI.
setTraceProcessors([bridge.processor]) // *

const getPrice = tool({
  name: 'get_price',
  description: 'Price of an item',
  parameters: z.object({ item: z.string() }),
  execute: ({ item }) => priceOf(item),
})
const clerk = new Agent({ name: 'Clerk', instructions: 'You are a clerk. Look prices up.', tools: [getPrice] })
const desk = new Agent({ name: 'Desk', instructions: 'Hand over to the clerk.', handoffs: [clerk] })
const agents = new Runner({ modelProvider: new OpenAIProvider({ openAIClient, useResponses: true }), model: 'scripted' })

const agent = rollout<PriceTask>(async (task, { signal }) => {
  const { finalOutput } = await agents.run(desk, task.question, { signal })
  emitReward(score(finalOutput ?? '', task))
})

const store = createMemoryStore()
const tracer = createOtelTracer()
const tasks = readTasks()
await store.enqueueManyRollouts({ rollouts: tasks.map((input) => ({ input })) })
await createRunner({ agent, store, tracer, concurrency: tasks.length, maxRollouts: tasks.length }).run()

await report('@openai/agents 0.20, Responses, recorded by createAgentsBridge', store)
await tracer.close()
await store.close()
await server.close()
