/** An agent on Anthropic's client, streaming: a loop that calls tools until the model answers. The two lines marked with * record it. */
import Anthropic from '@anthropic-ai/sdk'
import { type PriceTask, priceOf, readTasks, report, score } from '@agl/example-capture-kit'
import { startModelServer } from '@agl/example-model-server'
import { createRunner, rollout } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import { createOtelTracer, createTracedFetch, emitReward } from '@agl/tracer-otel'

const server = await startModelServer()
const client = new Anthropic({
  baseURL: server.url,
  apiKey: 'none',
  fetch: createTracedFetch(), // *
})

const tools: Anthropic.Tool[] = [
  {
    name: 'get_price',
    description: 'Price of an item',
    input_schema: { type: 'object', properties: { item: { type: 'string' } }, required: ['item'] },
  },
]

const agent = rollout<PriceTask>(async (task, { signal }) => {
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: task.question }]
  const request = { model: 'scripted', max_tokens: 200, system: 'You are a clerk. Look prices up.', messages, tools }
  for (let turn = 0; turn < 4; turn++) {
    const { content, stop_reason } = await client.messages.stream(request, { signal }).finalMessage()
    messages.push({ role: 'assistant', content })
    if (stop_reason !== 'tool_use') {
      emitReward(score(content.map((block) => (block.type === 'text' ? block.text : '')).join(''), task))
      return
    }
    const results = content.flatMap((block): Anthropic.ToolResultBlockParam[] => {
      if (block.type !== 'tool_use') return []
      const { item } = block.input as { item: string }
      return [{ type: 'tool_result', tool_use_id: block.id, content: priceOf(item) }]
    })
    messages.push({ role: 'user', content: results })
  }
})

const store = createMemoryStore()
const tracer = createOtelTracer() // *
const tasks = readTasks()
await store.enqueueManyRollouts({ rollouts: tasks.map((input) => ({ input })) })
await createRunner({ agent, store, tracer, concurrency: tasks.length, maxRollouts: tasks.length }).run()

await report('@anthropic-ai/sdk 1.10, Messages, streamed, recorded by createTracedFetch', store)
await tracer.close()
await store.close()
await server.close()
