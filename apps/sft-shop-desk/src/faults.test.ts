import { Worker } from 'node:worker_threads'
import { createSft, type SftOptions, type SftProgress } from '@agl/algorithms'
import { createEmbeddedModel, type EmbeddedModel } from '@agl/embedded-model'
import { createModelServer } from '@agl/embedded-model/server'
import { createLlmProxy } from '@agl/llm-proxy'
import { type Agent, rollout } from '@agl/runner'
import { clerk, createTasks, loadBaseModel, type ShopTask } from '@agl/shop-desk'
import { createMemoryStore } from '@agl/store-memory'
import { createOtelTracer } from '@agl/tracer-otel'
import { createTrainer } from '@agl/trainer'
import { afterEach, describe, expect, it, vi } from 'vitest'

/** The demo's own composition, small, with one part broken on purpose. */
async function fit(parts: {
  readonly agent?: Agent<ShopTask>
  readonly tasks?: readonly ShopTask[]
  readonly options?: Partial<SftOptions<ShopTask>>
  readonly onProgress?: (event: SftProgress, model: EmbeddedModel) => void
}) {
  await using model = createEmbeddedModel({ checkpoint: await loadBaseModel() })
  await model.start()
  await using server = createModelServer({ model })
  const { url } = await server.start()
  await using tracer = createOtelTracer()
  const store = createMemoryStore()
  const algorithm = createSft<ShopTask>({
    backend: model,
    endpoint: url,
    iterations: 1,
    tasksPerIteration: 8,
    samplesPerTask: 2,
    onProgress: (event) => parts.onProgress?.(event, model),
    ...parts.options,
  })
  const runner = { concurrency: 8, attemptTimeoutMs: 300, abortGraceMs: 10 }
  const trainer = createTrainer({ algorithm, store, tracer, llmProxy: createLlmProxy(), runner })
  const result = await trainer.fit(parts.agent ?? clerk, parts.tasks ?? createTasks(1, 8), { valDataset: createTasks(2, 8) })
  return { result, store }
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

  it('settles every attempt when the agent throws, and keeps the base', async () => {
    const agent = rollout<ShopTask>(() => {
      throw new Error('boom')
    })
    const { result, store } = await fit({ agent })
    expect(result).toMatchObject({ version: 'sft-0', iterations: [{ kept: 0, outcomes: { agent_error: 16 } }] })
    expect((await store.queryRollouts({ statusIn: ['failed'] })).total).toBe(16 + 2 * 8)
  })

  it('settles every attempt when the agent never returns', async () => {
    const { result } = await fit({ agent: rollout<ShopTask>(() => new Promise<number>(() => {})) })
    expect(result.iterations[0]).toMatchObject({ kept: 0, outcomes: { timeout: 16 } })
  })

  it('does not start without tasks', async () => {
    await expect(fit({ tasks: [] })).rejects.toThrow(/training dataset is empty/)
  })

  it('does not start with a bad option', async () => {
    await expect(fit({ options: { epochs: 0 } })).rejects.toThrow(/epochs/)
  })
})
