/** An agent on OpenAI's client: a loop that calls tools until the model answers. The two lines marked with * record it. */
import { type PriceTask, priceOf, readTasks, report, score } from '@agl/example-capture-kit'
import { startModelServer } from '@agl/example-model-server'
import { createRunner, rollout } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import { createOtelTracer, createTracedFetch, emitReward } from '@agl/tracer-otel'
import OpenAI from 'openai'

const server = await startModelServer()
const client = new OpenAI({
  baseURL: `${server.url}/v1`,
  apiKey: 'none',
  fetch: createTracedFetch({ tokenIds: true }), // *
})

const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: 'function',
    function: {
      name: 'get_price',
      description: 'Price of an item',
      parameters: { type: 'object', properties: { item: { type: 'string' } }, required: ['item'] },
    },
  },
]

const agent = rollout<PriceTask>(async (task, { signal }) => {
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    { role: 'system', content: 'You are a clerk. Look prices up.' },
    { role: 'user', content: task.question },
  ]
  for (let turn = 0; turn < 4; turn++) {
    const { choices } = await client.chat.completions.create({ model: 'scripted', messages, tools }, { signal })
    const { message } = choices[0]!
    messages.push(message)
    if (message.tool_calls === undefined) {
      emitReward(score(message.content ?? '', task))
      return
    }
    for (const call of message.tool_calls) {
      if (call.type !== 'function') continue
      const { item } = JSON.parse(call.function.arguments) as { item: string }
      messages.push({ role: 'tool', tool_call_id: call.id, content: priceOf(item) })
    }
  }
})

const store = createMemoryStore()
const tracer = createOtelTracer() // *
const tasks = readTasks()
await store.enqueueManyRollouts({ rollouts: tasks.map((input) => ({ input })) })
await createRunner({ agent, store, tracer, concurrency: tasks.length, maxRollouts: tasks.length }).run()

await report('openai 7.55, Chat Completions, recorded by createTracedFetch', store)
await tracer.close()
await store.close()
await server.close()
