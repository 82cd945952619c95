import { type Agent, createRunner, rollout } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import { type LightningStore, type Logger, type RunEvent, silentLogger } from '@agl/types'
import { buildSpan } from '@agl/types/spans'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { estimateMean } from '../statistics.ts'
import { traceToTriplets } from '../adapters/trace-to-triplets.ts'
import { createBandit, createNamingProxy, createPuller } from './bandit.test-support.ts'
import type { SftOptions } from './options.ts'
import type { SftIteration, SftProgress } from './progress.ts'
import { createSft, type SftResult } from './sft.ts'

let store: LightningStore
beforeEach(() => {
  store = createMemoryStore()
})
afterEach(async () => {
  await store.close()
})

const tasks = Array.from({ length: 40 }, (_, index) => index % 4)

async function run(
  options: Partial<SftOptions<number>> = {},
  {
    bandit = createBandit(),
    withTokens = true,
    valTasks = tasks,
    trainTasks = tasks,
    withProxy = true,
    agent = undefined as Agent<number> | undefined,
    logger = silentLogger,
    report = (_event: RunEvent): void => {},
  } = {},
): Promise<SftResult> {
  const algorithm = createSft<number>({
    backend: bandit.backend,
    endpoint: 'http://127.0.0.1:1/v1',
    testDataset: [...tasks, ...tasks, ...tasks],
    tasksPerIteration: 40,
    samplesPerTask: 4,
    learningRate: 5,
    seed: 1,
    ...options,
  })
  const stop = new AbortController()
  const puller = agent ?? createPuller(bandit, store, withTokens)
  const running = createRunner({ agent: puller, store, concurrency: 16 }).run({ signal: stop.signal })
  try {
    return await algorithm.run({
      store,
      adapter: traceToTriplets(),
      llmProxy: withProxy ? createNamingProxy() : null,
      trainDataset: trainTasks,
      valDataset: valTasks,
      initialResources: {},
      signal: stop.signal,
      logger,
      state: { load: async () => undefined, save: async () => {} },
      report,
    })
  } finally {
    stop.abort()
    await running
  }
}

describe('createSft', () => {
  it('raises the held-out reward from a quarter to nearly one', async () => {
    const { test, version, iterations } = await run()
    expect(test!.before.mean).toBeLessThan(0.4)
    expect(test!.after.mean).toBeGreaterThan(0.9)
    expect(test!.gain.low).toBeGreaterThan(0.4)
    expect(version).toMatch(/^sft-[1-4]$/)
    expect(iterations[0]!.kept).toBeLessThan(iterations.at(-1)!.kept)
  })

  it('gains nothing when the rewards are dealt out at random', async () => {
    const gains: number[] = []
    for (const seed of [1, 2, 3, 4]) {
      const { test, version } = await run({ shuffleRewards: true, keep: 'last', learningRate: 1, seed })
      expect(version).toBe('sft-4')
      gains.push(test!.gain.mean)
    }
    // Training on one's own samples drifts, up or down; only a gain on average would come from the reward.
    expect(Math.abs(estimateMean(gains).mean)).toBeLessThan(0.08)
    expect((await run({ learningRate: 1 })).test!.gain.mean).toBeGreaterThan(0.3)
  })

  it('repeats for a seed', async () => {
    const first = await run({ iterations: 2 })
    const second = await run({ iterations: 2 }, { bandit: createBandit() })
    expect({ ...second, resourcesId: '' }).toEqual({ ...first, resourcesId: '' })
    expect(await run({ iterations: 2, seed: 2 })).not.toMatchObject({
      firstValReward: first.firstValReward,
      iterations: first.iterations,
    })
  })

  it('keeps the first version when training makes things worse', async () => {
    const bandit = createBandit(-1)
    const { version, resourcesId, resourcesVersion, test } = await run({}, { bandit })
    expect(version).toBe('sft-0')
    expect(test!.gain.mean).toBe(0)
    // The resources that everybody gets from now on name the kept version.
    const latest = await store.getLatestResources()
    expect(latest).toMatchObject({ resources_id: resourcesId, version: resourcesVersion, resources: { llm: { model: 'sft-0' } } })
  })

  it('leaves every rollout in the store, pinned to the version that served it', async () => {
    const { iterations } = await run({ iterations: 1 })
    const page = await store.queryRollouts({ labels: { phase: 'train', iteration: '1' } })
    expect(page.total).toBe(160)
    expect(page.items.every(({ labels, mode }) => labels['model_version'] === 'sft-0' && mode === 'train')).toBe(true)
    expect(iterations[0]).toMatchObject({ rollouts: 160, outcomes: { scored: 160 }, sampledFrom: 'sft-0', version: 'sft-1' })
  })

  it('tells its plan first and keeps to it', async () => {
    const events: SftProgress[] = []
    await run({ iterations: 2, onProgress: (event) => events.push(event) })
    expect(events[0]).toEqual({ type: 'plan', iterations: 2, rollouts: 2 * 160 + 3 * 40 + 2 * 120 })
    expect((await store.queryRollouts()).total).toBe(2 * 160 + 3 * 40 + 2 * 120)
  })

  it('reports the same in the terms that all algorithms share', async () => {
    const events: RunEvent[] = []
    const { iterations, firstValReward } = await run({ iterations: 2 }, { report: (event) => void events.push(event) })
    const eventsOf = <Type extends RunEvent['type']>(type: Type) =>
      events.filter((event): event is Extract<RunEvent, { type: Type }> => event.type === type)
    expect(events[0]).toMatchObject({ type: 'plan', limits: { rollouts: 2 * 160 + 3 * 40 + 2 * 120 } })
    expect(eventsOf('metrics').map(({ step, metrics }) => [step, metrics['val_reward']])).toEqual(
      iterations.map(({ valReward }, index) => [index, valReward.mean]),
    )
    const ends = eventsOf('phase').filter(({ done, total }) => done === total)
    expect(
      ends.map(({ step, phase, total }) => (phase === 'training' ? `${step} training` : `${step} ${phase} ${total}`)),
    ).toEqual([
      '0 validation 40',
      '0 rolling out 160',
      '0 training',
      '0 validation 40',
      '1 rolling out 160',
      '1 training',
      '1 validation 40',
      '0 test 120',
      '1 test 120',
    ])
    expect(eventsOf('note')[0]!.text).toBe(`sft-0: validation reward ${firstValReward.mean.toFixed(3)} over 40 tasks`)
  })

  it('goes on with the numbers of a backend that was trained before', async () => {
    const bandit = createBandit()
    await run({ iterations: 1 }, { bandit })
    expect((await run({ iterations: 1 }, { bandit })).iterations[0]).toMatchObject({ sampledFrom: 'sft-2', version: 'sft-3' })
  })

  it('keeps a gain of one lucky task for chance, unless it is told to keep the best', async () => {
    const few = { iterations: 1, samplesPerTask: 1, tasksPerIteration: 4, learningRate: 0.5, seed: 3 }
    const world = { valTasks: tasks.slice(0, 6) }
    const careful = await run(few, world)
    const eager = await run({ ...few, keep: 'best' }, world)
    expect(eager.iterations[0]!.valReward.mean).toBeGreaterThan(eager.firstValReward.mean)
    expect([careful.version, eager.version]).toEqual(['sft-0', 'sft-1'])
  })

  it('ends at once when no rollout has a score', async () => {
    const bandit = createBandit()
    const agent = createPuller(bandit, store)
    const silent = rollout<number>(async (task, context) => void (await agent.rollout(task, context)))
    await expect(run({}, { bandit, agent: silent })).rejects.toThrow(
      /No validation rollout has a reward \(40 completed\): the agent must return its reward/,
    )
  })

  it('counts what it cannot learn from, and warns with a reason of each kind', async () => {
    const bandit = createBandit()
    const puller = createPuller(bandit, store)
    const judged = rollout<number>(async (task, context) => {
      const { rollout_id: rolloutId, attempt } = context.rollout
      const judge = { 'gen_ai.completion.0.role': 'assistant', 'gen_ai.completion.0.content': 'good', 'gen_ai.response.id': 'j' }
      const span = { rolloutId, attemptId: attempt.attempt_id, name: 'openai.chat.completion', attributes: judge }
      await store.addSpan(buildSpan({ ...span, startTime: 1, endTime: 2 }))
      return (await puller.rollout(task, context)) as number
    })
    const warnings: unknown[] = []
    const logger: Logger = { ...silentLogger, warn: (message, fields) => warnings.push([message, fields]) }
    const { iterations } = await run({ iterations: 1 }, { bandit, agent: judged, logger })
    const [{ kept, findings }] = iterations as [SftIteration]
    expect(findings).toEqual({ call_not_trainable: kept })
    expect(warnings).toEqual([
      [
        expect.stringContaining('cannot be trained on'),
        { iteration: 1, findings, reasons: { call_not_trainable: expect.stringContaining('tokenIds: true') } },
      ],
    ])
  })

  it('says what to do when calls carry no token ids', async () => {
    await expect(run({}, { withTokens: false })).rejects.toThrow(/tokenIds: true/)
  })

  it.each([
    [{ trainTasks: [] }, /training dataset is empty/],
    [{ valTasks: [] }, /validation dataset is empty/],
    [{ withProxy: false }, /createLlmProxy/],
  ])('refuses to start with %j', async (world, text) => {
    await expect(run({}, world)).rejects.toThrow(text)
    expect((await store.queryRollouts()).total).toBe(0)
  })

  it.each([
    [{ iterations: 0 }, /iterations/],
    [{ learningRat: 1 }, /learningRat/],
    [{ endpoint: 'nowhere' }, /endpoint/],
  ])('refuses options %j', (options, text) => {
    expect(() => createSft({ backend: createBandit().backend, endpoint: 'http://h/v1', ...options })).toThrow(text)
  })
})
