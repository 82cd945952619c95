/** An agent on nothing but fetch, with OpenAI's Responses. The two lines marked with * record it. */
import { type PriceTask, priceOf, readTasks, report, score } from '@agl/example-capture-kit'
import { startModelServer } from '@agl/example-model-server'
import { createRunner, rollout } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import { createOtelTracer, createTracedFetch, emitReward } from '@agl/tracer-otel'

const server = await startModelServer()
const fetch = createTracedFetch() // *

/** What is read of the items of a response. */
type Item =
  | { type: 'message'; content: { text: string }[] }
  | { type: 'function_call'; call_id: string; name: string; arguments: string }

const parameters = { type: 'object', properties: { item: { type: 'string' } }, required: ['item'] }
const tools = [{ type: 'function', name: 'get_price', description: 'Price of an item', parameters }]

const agent = rollout<PriceTask>(async (task, { signal }) => {
  const input: unknown[] = [{ role: 'user', content: task.question }]
  for (let turn = 0; turn < 4; turn++) {
    const response = await fetch(`${server.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer none' },
      body: JSON.stringify({ model: 'scripted', instructions: 'You are a clerk. Look prices up.', input, tools }),
      signal,
    })
    if (!response.ok) throw new Error(await response.text())
    const { output } = (await response.json()) as { output: Item[] }
    input.push(...output)
    const calls = output.filter((item) => item.type === 'function_call')
    if (calls.length === 0) {
      const text = output.flatMap((item) => (item.type === 'message' ? item.content.map((part) => part.text) : [])).join('')
      emitReward(score(text, task))
      return
    }
    for (const call of calls) {
      const { item } = JSON.parse(call.arguments) as { item: string }
      input.push({ type: 'function_call_output', call_id: call.call_id, output: priceOf(item) })
    }
  }
})

const store = createMemoryStore()
const tracer = createOtelTracer() // *
const tasks = readTasks()
await store.enqueueManyRollouts({ rollouts: tasks.map((input) => ({ input })) })
await createRunner({ agent, store, tracer, concurrency: tasks.length, maxRollouts: tasks.length }).run()

await report('fetch, Responses, recorded by createTracedFetch', store)
await tracer.close()
await store.close()
await server.close()
