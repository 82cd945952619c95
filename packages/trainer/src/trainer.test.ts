import { algo } from '@agl/algorithms'
import { rollout } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import { AglError, type LightningStore, type LlmProxy, type NamedResources } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { describe, expect, it, vi } from 'vitest'
import { agentModule } from './agent-module.ts'
import type { TrainerOptions } from './options.ts'
import { createTrainer } from './trainer.ts'

const double = rollout<number>((task) => task * 2)

/** Runs every task once and answers the rewards. */
const rewards = algo('rewards', async ({ store, trainDataset, signal }) => {
  const rollouts = await store.enqueueManyRollouts({
    rollouts: Array.from(trainDataset as ArrayLike<number>, (input) => ({ input })),
  })
  const rolloutIds = rollouts.map(({ rollout_id }) => rollout_id)
  await store.waitForRollouts({ rolloutIds, signal })
  return await Promise.all(rolloutIds.map(async (rolloutId) => findFinalReward((await store.querySpans({ rolloutId })).items)))
})
/** Waits for something that never comes, whatever its signal says. */
const deaf = algo('deaf', () => new Promise<never>(() => {}))

describe('fit', () => {
  it("resolves to the algorithm's result, and everything is in the store afterwards", async () => {
    const trainer = createTrainer({ algorithm: rewards })
    expect(await trainer.fit(double, [1, 2, 3])).toEqual([2, 4, 6])
    expect((await trainer.store.queryRollouts({ statusIn: ['succeeded'] })).total).toBe(3)
    await trainer.store.close()
  })

  it('runs again, with several runners too', async () => {
    const trainer = createTrainer({ algorithm: rewards, nRunners: 3, runner: { concurrency: 2 } })
    await trainer.fit(double, [1])
    const tasks = Array.from({ length: 50 }, (_, index) => index)
    expect(await trainer.fit(double as never, tasks)).toEqual(tasks.map((task) => task * 2))
    await trainer.store.close()
  })

  it('stores the initial resources, so that rollouts without their own get them', async () => {
    const initialResources: NamedResources = {
      prompt: { resource_type: 'prompt_template', template: 'x'.repeat(5), engine: 'f-string' },
    }
    const agent = rollout((_task, { promptTemplate }) => promptTemplate.template.length)
    const trainer = createTrainer({ algorithm: rewards, initialResources })
    expect(await trainer.fit(agent, [0])).toEqual([5])
    await trainer.store.close()
  })

  it("rejects with the algorithm's error and stops the runners", async () => {
    await using store = createMemoryStore()
    const trainer = createTrainer({ algorithm: algo('broken', () => Promise.reject(new Error('no idea'))), store })
    await expect(trainer.fit(double, [1])).rejects.toThrow('no idea')
  })

  it('rejects at once when a runner fails, even if the algorithm is deaf', async () => {
    const store: LightningStore = {
      ...createMemoryStore(),
      dequeueRollout: () => Promise.reject(new AglError({ code: 'closed', message: 'the store went away' })),
    }
    const trainer = createTrainer({ algorithm: deaf, store, abortGraceMs: 20 })
    const failure = { code: 'no_runners', message: expect.stringContaining('the store went away') }
    await expect(trainer.fit(double, [1])).rejects.toMatchObject(failure)
  })

  it('rejects when every runner has ended while the algorithm still waits', async () => {
    const trainer = createTrainer({ algorithm: rewards, runner: { maxRollouts: 1 }, abortGraceMs: 20 })
    await expect(trainer.fit(double, [1, 2])).rejects.toMatchObject({ code: 'no_runners' })
    await trainer.store.close()
  })

  it('refuses a second fit while one is running', async () => {
    const trainer = createTrainer({ algorithm: rewards })
    const first = trainer.fit(double, [1, 2])
    await expect(trainer.fit(double, [3])).rejects.toMatchObject({ code: 'conflict' })
    expect(await first).toEqual([2, 4])
    await trainer.store.close()
  })

  it('is ended by its signal', async () => {
    const trainer = createTrainer({ algorithm: deaf, abortGraceMs: 10 })
    const reason = new Error('that is enough')
    await expect(trainer.fit(double, [], { signal: AbortSignal.timeout(1) })).rejects.toThrow(/timeout/)
    await expect(trainer.fit(double, [], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await trainer.store.close()
  })

  it('rejects when it was ended, even if the algorithm answers something in its grace', async () => {
    const yielding = algo(
      'yielding',
      ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('partial'))),
    )
    const trainer = createTrainer({ algorithm: yielding })
    await expect(trainer.fit(double, [], { signal: AbortSignal.timeout(1) })).rejects.toThrow(/timeout/)
    await trainer.store.close()
  })

  it('does not tell an algorithm that has ended well to stop', async () => {
    let seen: AbortSignal | undefined
    const trainer = createTrainer({
      algorithm: algo('quick', ({ signal }) => {
        seen = signal
      }),
    })
    await trainer.fit(double, [1])
    expect(seen!.aborted).toBe(false)
    await trainer.store.close()
  })

  it('leaves no timer behind', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
    const before = timers()
    const trainer = createTrainer({ algorithm: rewards })
    await trainer.fit(double, [1])
    await trainer.store.close()
    expect(timers()).toBe(before)
  })

  it('starts the gateway with the store as its sink and closes it, whatever happens', async () => {
    const llmProxy = { start: vi.fn(async () => ({ url: '' })), close: vi.fn(async () => {}), putModels() {}, asResource() {} }
    const algorithm = algo('broken', () => Promise.reject(new Error('no idea')))
    const trainer = createTrainer({ algorithm, llmProxy: llmProxy as unknown as LlmProxy })
    await expect(trainer.fit(double, [1])).rejects.toThrow('no idea')
    expect(llmProxy.start).toHaveBeenCalledWith({ sink: trainer.store })
    expect(llmProxy.close).toHaveBeenCalledOnce()
    await trainer.store.close()
  })

  it.each(['shm', 'ipc'] as const)(
    'refuses an agent whose resources nobody has, before anything begins (%s)',
    async (strategy) => {
      const ran = vi.fn(async () => 'ran')
      const agent = agentModule(new URL('./needing.test-support.ts', import.meta.url), 'needing')
      const prompt: NamedResources = { prompt: { resource_type: 'prompt_template', template: 'x', engine: 'f-string' } }
      const model: NamedResources = {
        model: { resource_type: 'llm', endpoint: 'http://x', model: 'm', api_key: null, sampling_parameters: {} },
      }
      const fitWith = async (brings: readonly string[], initialResources: NamedResources, store = createMemoryStore()) => {
        const algorithm = { name: 'plain', brings, run: ran }
        try {
          return await createTrainer({ algorithm, initialResources, strategy, store }).fit(agent, [])
        } finally {
          await store.close()
        }
      }
      await expect(fitWith([], {})).rejects.toThrow(/needs a resource of type "llm"; there is none at all.*"plain" brings none/)
      await expect(fitWith([], prompt)).rejects.toThrow(/only prompt \(prompt_template\).*initialResources: \{ name/)
      expect(ran).not.toHaveBeenCalled()
      expect(await fitWith(['llm'], {})).toBe('ran')
      expect(await fitWith([], model)).toBe('ran')
      const store = createMemoryStore()
      await store.addResources({ resources: model })
      expect(await fitWith([], {}, store)).toBe('ran')
    },
  )

  it('brings the triplet adapter by default', async () => {
    const trainer = createTrainer({ algorithm: algo('adapting', ({ adapter }) => adapter.adapt([])) })
    expect(await trainer.fit(double, [1])).toEqual([])
    await trainer.store.close()
  })
})

describe('createTrainer', () => {
  it.each<[Partial<TrainerOptions>, RegExp]>([
    [{ nRuners: 2 } as never, /nRuners/],
    [{ nRunners: 0 }, /nRunners/],
    [{ algorithm: 3 as never }, /algo\("name"/],
    [{ store: {} as never }, /expected a store, a function that makes one, a name/],
    [{ hooks: {} as never }, /onRolloutSettled.*or a list of such/],
    [{ maxRollouts: 0 }, /maxRollouts/],
    [{ maxRollouts: 2, runner: { maxRollouts: 3 } }, /`maxRollouts` is 2, and `runner.maxRollouts` is 3: give it once/],
    [{ runner: { hooks: [] } as never }, /`runner.hooks` is no setting of runners: give it as the option `hooks`/],
    [{ port: 4747 }, /strategy is "shm": leave it out, or write strategy: \{ type: 'cs', port: 4747 \}/],
    [{ port: 4747, strategy: { type: 'cs', port: 1 } }, /port 1, and the trainer the port 4747: give it once/],
    [{ strategy: 'k8s' }, /'shm', 'ipc', 'cs'.*"k8s"/],
    [{ registry: {} as never }, /expected a registry/],
    [{ initialResources: { a: { resource_type: 'gadget' } as never } }, /initialResources/],
  ])('refuses %j', (options, text) => {
    expect(() => createTrainer({ algorithm: rewards, ...options })).toThrow(text)
  })

  it('refuses unknown options of fit', async () => {
    const trainer = createTrainer({ algorithm: rewards })
    await expect(trainer.fit(double, [1], { valDatset: [] } as never)).rejects.toThrow(/valDatset/)
    await trainer.store.close()
  })

  it('refuses what the runner refuses', async () => {
    const trainer = createTrainer({ algorithm: rewards, runner: { concurency: 3 } as never })
    await expect(trainer.fit(double, [1])).rejects.toThrow(/concurency/)
    await trainer.store.close()
  })
})
