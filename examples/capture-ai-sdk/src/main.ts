/**
 * An agent on the Vercel AI SDK, streaming. The lines marked with * record it: the first its model calls with their token ids, the
 * second the SDK's own spans (agent, steps, tools), by its OpenTelemetry integration.
 */
import { type PriceTask, priceOf, readTasks, report, score } from '@agl/example-capture-kit'
import { startModelServer } from '@agl/example-model-server'
import { createRunner, rollout } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import { createOtelTracer, createTracedFetch, emitReward } from '@agl/tracer-otel'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { OpenTelemetry } from '@ai-sdk/otel'
import { isStepCount, streamText, tool } from 'ai'
import { z } from 'zod'

const server = await startModelServer()
const tracer = createOtelTracer()
const provider = createOpenAICompatible({
  name: 'scripted',
  baseURL: `${server.url}/v1`,
  includeUsage: true,
  fetch: createTracedFetch({ tokenIds: true }), // *
})
const telemetry = {
  functionId: 'clerk',
  integrations: [new OpenTelemetry({ tracer: tracer.provider.getTracer('ai') })], // *
}

const get_price = tool({
  description: 'Price of an item',
  inputSchema: z.object({ item: z.string() }),
  execute: ({ item }) => priceOf(item),
})

const agent = rollout<PriceTask>(async (task, { signal }) => {
  const { text } = streamText({
    model: provider('scripted'),
    instructions: 'You are a clerk. Look prices up.',
    prompt: task.question,
    tools: { get_price },
    stopWhen: isStepCount(4),
    abortSignal: signal,
    telemetry,
  })
  emitReward(score(await text, task))
})

const store = createMemoryStore()
const tasks = readTasks()
await store.enqueueManyRollouts({ rollouts: tasks.map((input) => ({ input })) })
await createRunner({ agent, store, tracer, concurrency: tasks.length, maxRollouts: tasks.length }).run()

await report('ai 7.0.173 with @ai-sdk/otel 1.0.173 and createTracedFetch, streamed', store)
await tracer.close()
await store.close()
await server.close()
