import { Worker } from 'node:worker_threads'
import { createSft, type SftOptions, type SftProgress } from '@agl/algorithms'
import { createEmbeddedModel, type EmbeddedModel } from '@agl/embedded-model'
import { createModelServer, type ModelServer } from '@agl/embedded-model/server'
import { createLlmProxy } from '@agl/llm-proxy'
import { type Agent, rollout } from '@agl/runner'
import { clerk, createTasks, loadBaseModel, type ShopTask } from '@agl/shop-desk'
import { createMemoryStore } from '@agl/store-memory'
import { createOtelTracer } from '@agl/tracer-otel'
import { createTrainer } from '@agl/trainer'
import type { LightningStore } from '@agl/types'
import { afterEach, describe, expect, it, vi } from 'vitest'

/** The demo's own composition, small, with one part broken on purpose. */
async function fit(parts: {
  readonly agent?: Agent<ShopTask>
  readonly tasks?: readonly ShopTask[]
  readonly options?: Partial<SftOptions<ShopTask>>
  readonly store?: LightningStore
  /** Long enough for a busy machine; short only where it is to be reached. */
  readonly attemptTimeoutMs?: number
  readonly onProgress?: (event: SftProgress, model: EmbeddedModel, server: ModelServer) => void
}) {
  await using model = createEmbeddedModel({ checkpoint: await loadBaseModel() })
  await model.start()
  await using server = createModelServer({ model })
  const { url } = await server.start()
  await using tracer = createOtelTracer()
  const store = parts.store ?? createMemoryStore()
  const algorithm = createSft<ShopTask>({
    backend: model,
    endpoint: url,
    iterations: 1,
    tasksPerIteration: 8,
    samplesPerTask: 2,
    onProgress: (event) => parts.onProgress?.(event, model, server),
    ...parts.options,
  })
  const runner = { concurrency: 8, attemptTimeoutMs: parts.attemptTimeoutMs ?? 15_000, abortGraceMs: 10 }
  const trainer = createTrainer({ algorithm, store, tracer, llmProxy: createLlmProxy(), runner })
  return await trainer.fit(parts.agent ?? clerk, parts.tasks ?? createTasks(1, 8), { valDataset: createTasks(2, 8) })
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('with one part broken, the run', () => {
  it("ends with a clear error when the model's thread is killed in the middle of serving", async () => {
    const posted = vi.spyOn(Worker.prototype, 'postMessage')
    const killed = fit({
      onProgress: (event) => {
        if (event.type === 'rollouts' && event.phase === 'train' && event.done === 3) {
          void (posted.mock.contexts.at(-1) as Worker).terminate()
        }
      },
    })
    await expect(killed).rejects.toMatchObject({ code: 'model_worker_died', message: expect.stringContaining('worker thread') })
  })

  it('ends with a clear error when the model is closed under its feet', async () => {
    const closed = fit({
      onProgress: (event, model) => {
        if (event.type === 'training') void model.close()
      },
    })
    await expect(closed).rejects.toMatchObject({ code: 'closed' })
  })

  it('settles every attempt when the agent throws, and says what it threw', async () => {
    const store = createMemoryStore()
    const agent = rollout<ShopTask>(() => {
      throw new Error('boom')
    })
    await expect(fit({ agent, store })).rejects.toThrow(/No validation rollout has a reward \(8 agent_error\); .*: boom/)
    expect((await store.queryRollouts({ statusIn: ['failed'], labels: { algorithm: 'sft' } })).total).toBe(8)
  })

  it('settles every attempt when the agent never returns', async () => {
    const store = createMemoryStore()
    const agent = rollout<ShopTask>(() => new Promise<number>(() => {}))
    const hanging = fit({ agent, store, attemptTimeoutMs: 300 })
    await expect(hanging).rejects.toThrow(/No validation rollout has a reward \(8 timeout\)/)
    expect((await store.queryRollouts({ statusIn: ['failed'], labels: { algorithm: 'sft' } })).total).toBe(8)
  })

  it('says that the model is gone when it goes away in the middle of a round', async () => {
    const gone = fit({
      onProgress: (event, _model, server) => {
        if (event.type === 'rollouts' && event.phase === 'train' && event.done === 1) void server.close()
      },
    })
    await expect(gone).rejects.toThrow(/No validation rollout has a reward .*could not be reached/)
  })

  it('does not start without tasks', async () => {
    await expect(fit({ tasks: [] })).rejects.toThrow(/training dataset is empty/)
  })

  it('does not start with a bad option', async () => {
    await expect(fit({ options: { epochs: 0 } })).rejects.toThrow(/epochs/)
  })
})
