import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { algo } from '@agl/algorithms'
import { type Hooks, rollout, type Scorer } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import type { AlgorithmContext, LightningStore } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { z } from 'zod'
import {
  algorithmKind,
  createRegistry,
  defaultRegistry,
  defineComponent,
  storeKind,
  strategyKind,
  tracerKind,
} from './config/index.ts'
import { runAll } from './conformance/tasks.ts'
import { createShmStrategy } from './strategies/shm.ts'
import { createTrainer } from './trainer.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'agl forms '))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, ...lines: readonly string[]): string {
  const file = path.join(folder, name)
  writeFileSync(file, lines.join('\n'))
  return file
}

const double = rollout<number>((task) => task * 2)
const run = async (context: AlgorithmContext): Promise<readonly (number | null)[]> => {
  const ids = await runAll(context)
  return await Promise.all(ids.map(async (rolloutId) => findFinalReward((await context.store.querySpans({ rolloutId })).items)))
}
const rewards = algo('rewards', run)

describe('every form of a component', () => {
  const registry = defaultRegistry.with(
    defineComponent({
      kind: algorithmKind,
      name: 'times',
      summary: 'multiplies rewards',
      schema: z.strictObject({ factor: z.number().default(1) }),
      create: ({ factor }) => algo('times', async (context) => (await run(context)).map((reward) => (reward ?? 0) * factor)),
    }),
    defineComponent({
      kind: strategyKind,
      name: 'here',
      summary: 'in this process',
      schema: z.strictObject({}),
      create: () => ({ ...createShmStrategy(), name: 'here' }),
    }),
  )

  it('algorithms: a function that makes one, a name, a name with options, a module path', async () => {
    const file = write('algorithm.mjs', "export const answer = ({ answer = 6 }) => ({ name: 'a', run: async () => [answer] })")
    for (const [algorithm, expected] of [
      [() => rewards, [2, 4]],
      ['times', [2, 4]],
      [{ type: 'times', factor: 10 }, [20, 40]],
      [`${file}#answer`, [6]],
      [{ type: `${file}#answer`, answer: 7 }, [7]],
    ] as const) {
      await using trainer = createTrainer({ algorithm, registry })
      expect(await trainer.fit(double, [1, 2])).toEqual(expected)
    }
  })

  it('an algorithm that was forgotten to be wrapped is told how', async () => {
    await using trainer = createTrainer({ algorithm: run as never })
    await expect(trainer.fit(double, [1])).rejects.toThrow(/was called to make one, and failed: .*algo\("name"/)
    await using other = createTrainer({ algorithm: (() => 1) as never })
    await expect(other.fit(double, [1])).rejects.toThrow(/algo\("name"/)
  })

  it('strategies, adapters, gateways, tracers and resources', async () => {
    const started: string[] = []
    const gateway = { start: async () => void started.push('gateway'), putModels() {}, asResource() {}, close: async () => {} }
    const resources = write('resources.yaml', 'prompt:', '  resource_type: prompt_template', '  template: abc', '  engine: jinja')
    const seen: unknown[] = []
    await using trainer = createTrainer({
      algorithm: algo('looking', async (context) => {
        seen.push(await context.adapter.adapt([]), context.initialResources, context.llmProxy === null)
        return await run(context)
      }),
      strategy: 'here',
      adapter: { type: 'messages', mergeConversations: true },
      llmProxy: () => gateway as never,
      tracer: 'otel',
      initialResources: resources,
      registry,
    })
    const length = rollout((_task, { promptTemplate }) => promptTemplate.template.length)
    expect(await trainer.fit(length, [1, 2])).toEqual([3, 3])
    expect(seen).toEqual([[], { prompt: expect.objectContaining({ template: 'abc' }) }, false])
    expect(started).toEqual(['gateway'])
  })

  it('names are looked up when they are needed, and what is not there is told', async () => {
    const trainer = createTrainer({ algorithm: 'tims', registry })
    await expect(trainer.fit(double, [1])).rejects.toThrow('There is no algorithm "tims"; did you mean "times"?')
    expect(() => createTrainer({ algorithm: rewards, strategy: 'her', registry })).toThrow(/'cs', 'here'.*"her"/)
    await trainer.close()
  })
})

describe('what the trainer makes', () => {
  it('is there after open, and closed by close, once', async () => {
    const file = path.join(folder, 'store.db')
    const trainer = createTrainer({ algorithm: rewards, store: { type: 'sqlite', file } })
    expect(() => trainer.store).toThrow(/named, and not made yet.*trainer\.open\(\)/)
    expect(existsSync(file)).toBe(false)
    const store = await trainer.open()
    expect(trainer.store).toBe(store)
    expect(await trainer.fit(double, [1])).toEqual([2])
    expect(trainer.store).toBe(store)
    await Promise.all([trainer.close(), trainer.close()])
    await trainer.close()
    await expect(store.queryRollouts()).rejects.toMatchObject({ code: 'closed' })
    await expect(trainer.fit(double, [1])).rejects.toMatchObject({ code: 'closed' })
  })

  it('is made anew after it failed', async () => {
    const make = vi
      .fn(() => createMemoryStore())
      .mockImplementationOnce(() => {
        throw new Error('not now')
      })
    await using trainer = createTrainer({ algorithm: rewards, store: make })
    await expect(trainer.fit(double, [1])).rejects.toThrow(/store was called to make one, and failed: not now/)
    expect(await trainer.fit(double, [1])).toEqual([2])
    expect(await trainer.fit(double, [3])).toEqual([6])
    expect(make).toHaveBeenCalledTimes(2)
  })

  it('leaves what it was given', async () => {
    const store = createMemoryStore()
    const close = vi.fn(async () => {})
    const tracer = { trace: async (_attempt: unknown, work: (emit: never) => unknown) => work(undefined as never), close }
    const module = write('store.mjs', 'export const hooks = { onRolloutStart() {}, close() { globalThis.isHooksClosed = true } }')
    const trainer = createTrainer({ algorithm: rewards, store, tracer: tracer as never, hooks: `${module}#hooks` })
    await trainer.fit(double, [1])
    await trainer.close()
    expect((await store.queryRollouts()).total).toBe(1)
    expect(close).not.toHaveBeenCalled()
    expect(globalThis).not.toHaveProperty('isHooksClosed')
    await store.close()
  })

  it('one that does not close is told to the log, and the others are closed', async () => {
    const logger = { debug() {}, info() {}, warn() {}, error: vi.fn() }
    let store: LightningStore | null = null
    const trainer = createTrainer({
      algorithm: rewards,
      store: () => (store = createMemoryStore()),
      hooks: () => ({ onRolloutStart() {}, close: () => Promise.reject(new Error('stuck')) }),
      logger,
    })
    await trainer.fit(double, [1])
    await trainer.close()
    expect(logger.error).toHaveBeenCalledWith(expect.stringContaining('did not close'), { component: 'hooks.0', error: 'stuck' })
    await expect(store!.queryRollouts()).rejects.toMatchObject({ code: 'closed' })
  })

  it('close ends what runs', async () => {
    const started = Promise.withResolvers<void>()
    const trainer = createTrainer({
      algorithm: algo('endless', async ({ signal }) => {
        started.resolve()
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      }),
    })
    const fitting = trainer.fit(double, [1]).catch((error: unknown) => error)
    await started.promise
    await trainer.close()
    expect(await fitting).toMatchObject({ code: 'closed', message: 'The trainer was closed.' })
  })
})

describe('hooks and scorers', () => {
  const calls: string[] = []
  const hooksOf = (name: string): Hooks => ({ onRolloutSettled: ({ rollout: { input } }) => void calls.push(`${name} ${input}`) })
  const scorer: Scorer<number> = { name: 'judge', score: ({ task }) => task + 0.5 }
  beforeEach(() => void calls.splice(0))

  it('one or a list, instances or made', async () => {
    await using one = createTrainer({ algorithm: rewards, hooks: hooksOf('one'), scorers: scorer as Scorer })
    expect(await one.fit(double, [1])).toEqual([1.5])
    await using many = createTrainer({
      algorithm: rewards,
      hooks: [hooksOf('a'), () => hooksOf('b')],
      scorers: [() => scorer as Scorer],
    })
    expect(await many.fit(double, [2])).toEqual([2.5])
    expect(calls).toEqual(['one 1', 'a 2', 'b 2'])
  })

  it('cross into child processes by their module, and are closed there', { timeout: 60_000 }, async () => {
    const agent = write('agent.mjs', 'export const agent = { rollout: async (task) => task }')
    const parts = write(
      'parts.mjs',
      "import { appendFileSync } from 'node:fs'",
      'export const createHooks = ({ file }) => ({',
      '  onRolloutSettled: () => appendFileSync(file, `settled in ${process.pid}\\n`),',
      '  close: () => appendFileSync(file, `closed in ${process.pid}\\n`),',
      '})',
      "export const createScorer = ({ by }) => ({ name: 'times', score: ({ task }) => task * by })",
    )
    const file = path.join(folder, 'calls')
    const { agentModule } = await import('./agent-module.ts')
    await using trainer = createTrainer({
      algorithm: rewards,
      strategy: 'ipc',
      hooks: { module: parts, export: 'createHooks', options: { file } },
      scorers: [{ type: `${parts}#createScorer`, by: 5 }],
      tracer: 'direct',
    })
    expect(await trainer.fit(agentModule(agent, 'agent'), [1, 2])).toEqual([5, 10])
    const { readFileSync } = await import('node:fs')
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    // The first line is of the look that was taken before.
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['closed', 'settled', 'settled', 'closed'])
    expect(lines[0]).toBe(`closed in ${process.pid}`)
    expect(lines.slice(1).every((line) => !line.endsWith(` ${process.pid}`))).toBe(true)
  })

  it.each([
    [{ hooks: hooksOf('x') }, /the `hooks.0` of createTrainer exists in this one only[\s\S]*hooks: \{ module:/],
    [{ hooks: [() => hooksOf('x')] }, /`hooks.0` of createTrainer exists in this one only/],
    [{ scorers: [scorer as Scorer] }, /`scorers.0` of createTrainer exists in this one only[\s\S]*createScorer/],
    [{ tracer: 'mine' }, /`tracer` of createTrainer is registered in this one only[\s\S]*createOtelTracer/],
    [{ tracer: { type: 'otel', flushDelayMs: () => 1 } as never }, /flushDelayMs is a function, which cannot cross/],
    [{ tracer: 'otle' }, /There is no tracer "otle"; did you mean "otel"/],
    [{ hooks: { module: './nowhere.mjs', export: 'x' } }, /The module of the hooks cannot be loaded/],
  ])('what lives in this program only is refused for child processes: %j', async (more, text) => {
    const agent = write('agent.mjs', 'export const agent = { rollout: async (task) => task }')
    const { agentModule } = await import('./agent-module.ts')
    const mine = defineComponent({
      kind: tracerKind,
      name: 'mine',
      summary: '',
      schema: z.strictObject({}),
      create: () => ({ trace: async () => {} }) as never,
    })
    const trainer = createTrainer({ algorithm: rewards, strategy: 'ipc', registry: defaultRegistry.with(mine), ...more })
    onTestFinished(() => trainer.close())
    await expect(trainer.fit(agentModule(agent, 'agent'), [1])).rejects.toThrow(text)
  })
})

describe('without an algorithm', () => {
  it('runners serve one elsewhere until fit is aborted', async () => {
    const stop = new AbortController()
    await using trainer = createTrainer({})
    const fitting = trainer.fit(double as never, [], { signal: stop.signal }).catch((error: unknown) => error)
    const [rolloutId] = (await trainer.store.enqueueManyRollouts({ rollouts: [{ input: 4 }] })).map(({ rollout_id: id }) => id)
    await trainer.store.waitForRollouts({ rolloutIds: [rolloutId!] })
    stop.abort(new Error('enough'))
    expect(await fitting).toMatchObject({ message: 'enough' })
  })

  it('or until they have ended', async () => {
    const settings = write('settings.mjs', 'export const settings = { maxRollouts: 2 }')
    for (const options of [{ maxRollouts: 2 }, { runner: `${settings}#settings` }]) {
      await using trainer = createTrainer(options)
      await trainer.store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }, { input: 3 }] })
      expect(await trainer.fit(double as never, [])).toBeUndefined()
      expect((await trainer.store.queryRollouts({ statusIn: ['succeeded'] })).total).toBe(2)
    }
  })
})

describe('dev', () => {
  const fast = { ...algo('glance', async (context) => ({ glanced: await run(context) })), isFast: true }
  const registry = defaultRegistry.with(
    defineComponent({ kind: algorithmKind, name: 'glance', summary: '', schema: z.strictObject({}), create: () => fast }),
    defineComponent({
      kind: storeKind,
      name: 'mine',
      summary: '',
      schema: z.strictObject({}),
      create: () => createMemoryStore(),
    }),
  )

  it('runs a fast algorithm: the own one, or one for this run', async () => {
    await using own = createTrainer({ algorithm: fast, store: 'mine', registry })
    expect(await own.dev(double, [1, 2])).toEqual({ glanced: [2, 4] })
    await using slow = createTrainer({ algorithm: rewards, registry })
    expect(await slow.dev(double, [3], { algorithm: 'glance' })).toEqual({ glanced: [6] })
    expect(await slow.fit(double, [4])).toEqual([8])
  })

  it('takes what the registry calls baseline where it has none of its own', async () => {
    const baseline = defineComponent({
      kind: algorithmKind,
      name: 'baseline',
      summary: '',
      schema: z.strictObject({}),
      create: () => fast,
    })
    await using trainer = createTrainer({ registry: createRegistry([baseline]) })
    expect(await trainer.dev(double as never, [1])).toEqual({ glanced: [2] })
    await using bare = createTrainer({})
    expect(await bare.dev(double as never, [1, 3])).toMatchObject({ problems: [], rollouts: [{ reward: 2 }, { reward: 6 }] })
    await using slow = createTrainer({ algorithm: rewards })
    expect(await slow.dev(double, [1], { algorithm: { type: 'fast-algorithm', epochs: 2 } })).toMatchObject({ problems: [] })
    expect(slow.completedIterations).toBe(2)
  })

  it('refuses a slow one before anything begins, and says what to write', async () => {
    await using trainer = createTrainer({ algorithm: rewards })
    await expect(trainer.dev(double, [1])).rejects.toThrow(/"rewards" does not say .*`isFast: true`.*algorithm: 'baseline'/)
    expect((await trainer.store.queryRollouts()).total).toBe(0)
  })

  it('tells where an agent of this program was given to it', async () => {
    await using trainer = createTrainer({ algorithm: fast, strategy: 'ipc' })
    await expect(trainer.dev(double, [1])).rejects.toThrow(/`double` .*forms\.test\.ts[\s\S]*trainer\.dev\(agentModule/)
  })
})

describe('completedIterations', () => {
  it('counts the steps that the algorithm reported complete, anew for each run', async () => {
    const seen: number[] = []
    await using trainer = createTrainer({
      algorithm: algo('stepping', async ({ report, trainDataset }) => {
        for (let step = 0; step < trainDataset.length; step++) {
          report({ type: 'phase', phase: 'x', step, done: 1, total: 1, reward: null })
          seen.push(trainer.completedIterations)
          report({ type: 'metrics', step, metrics: { reward: 1 } })
        }
      }),
    })
    expect(trainer.completedIterations).toBe(0)
    await trainer.fit(double as never, [1, 2, 3])
    expect([trainer.completedIterations, seen]).toEqual([3, [0, 1, 2]])
    await trainer.fit(double as never, [1])
    expect(trainer.completedIterations).toBe(1)
  })
})
