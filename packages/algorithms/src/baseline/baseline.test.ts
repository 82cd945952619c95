import { createLlmProxy } from '@agl/llm-proxy'
import { createRunner, rollout } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import {
  type Adapter,
  AglError,
  type AlgorithmContext,
  type LightningStore,
  type Logger,
  type PromptTemplate,
  type RunEvent,
  type StoreEvent,
  type Triplet,
} from '@agl/types'
import { buildSpan, rewardSpanName, rewardToAttributes } from '@agl/types/spans'
import { describe, expect, it, onTestFinished } from 'vitest'
import { traceToTriplets } from '../adapters/trace-to-triplets.ts'
import { createBaseline } from './baseline.ts'

interface Wired {
  readonly store: LightningStore
  readonly events: RunEvent[]
  readonly lines: (readonly [string, string, Readonly<Record<string, unknown>>])[]
  readonly stop: AbortController
  /** Runs agents until the test is finished. */
  serve(agent: Parameters<typeof createRunner<number>>[0]['agent'], concurrency?: number): void
  context(more?: Partial<AlgorithmContext<number>>): AlgorithmContext<number>
}

function wire(store: LightningStore = createMemoryStore()): Wired {
  const events: RunEvent[] = []
  const lines: (readonly [string, string, Readonly<Record<string, unknown>>])[] = []
  const stop = new AbortController()
  const ended: Promise<unknown>[] = []
  onTestFinished(async () => {
    stop.abort()
    await Promise.all(ended)
    await store.close()
  })
  const line =
    (level: keyof Logger) =>
    (message: string, fields = {}) =>
      void lines.push([level, message, fields])
  const logger: Logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  return {
    store,
    events,
    lines,
    stop,
    serve: (agent, concurrency = 2) => void ended.push(createRunner({ agent, store, concurrency }).run({ signal: stop.signal })),
    context: (more) => ({
      store,
      adapter: traceToTriplets(),
      llmProxy: null,
      trainDataset: [],
      valDataset: [],
      initialResources: {},
      signal: stop.signal,
      logger,
      state: { load: async () => undefined, save: async () => {} },
      report: (event) => void events.push(event),
      ...more,
    }),
  }
}

const template: PromptTemplate = { resource_type: 'prompt_template', template: 'Half of {x}', engine: 'f-string' }

describe('createBaseline', () => {
  it('runs every task of both datasets in each epoch, pinned to the initial resources, and says what came of it', async () => {
    const { store, serve, context, events } = wire()
    serve(
      rollout<number>(async (task, { promptTemplate }) => {
        // What is changed meanwhile is not what is measured.
        await store.updateResources({ resourcesId: 'default', resources: { prompt: { ...template, template: 'Twice {x}' } } })
        return promptTemplate.template === template.template ? task / 10 : -1
      }),
    )
    const algorithm = createBaseline<number>({ epochs: 2 })
    expect([algorithm.name, algorithm.isFast]).toEqual(['baseline', true])
    const result = await algorithm.run(
      context({ trainDataset: [1, 2, 3], valDataset: [5], initialResources: { prompt: template } }),
    )
    expect(result.rollouts.map(({ epoch, mode, outcome, reward }) => [epoch, mode, outcome, reward])).toEqual(
      [0, 1].flatMap((epoch) => [
        ...[0.1, 0.2, 0.3].map((reward) => [epoch, 'train', 'scored', reward]),
        [epoch, 'val', 'scored', 0.5],
      ]),
    )
    expect(result).toMatchObject({
      outcomes: { scored: 8 },
      problems: [],
      trainReward: { count: 6 },
      valReward: { mean: 0.5, count: 2 },
    })
    expect(result.reward.mean).toBeCloseTo(0.275)
    expect(result.rollouts[0]).toMatchObject({
      attempts: 1,
      spans: 1,
      adapterError: null,
      score: 0.1,
      durationMs: expect.any(Number),
    })
    const { items } = await store.queryRollouts()
    expect(new Set(items.map((item) => `${item.resources_id} ${item.resources_version}`))).toEqual(new Set(['default 1']))

    const [first, ...rest] = events
    expect(first).toMatchObject({ type: 'plan', limits: { rollouts: 8, modelCalls: 0 } })
    const phases = rest.filter((event) => event.type === 'phase')
    expect(phases.filter(({ step, phase }) => step === 1 && phase === 'train').map(({ done, total }) => [done, total])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ])
    expect(phases.findLast(({ phase }) => phase === 'train')!.reward).toBeCloseTo(0.2)
    const metrics = rest.filter((event) => event.type === 'metrics')
    expect(metrics).toMatchObject([0, 1].map((step) => ({ step, metrics: { rollouts: 4, scored: 4, valReward: 0.5 } })))
  })

  it.each([
    ['that has a feed', createMemoryStore],
    [
      'that has none',
      (): LightningStore => {
        const store = createMemoryStore()
        const refuse = (): never => {
          throw new AglError({ code: 'not_supported', message: 'no feed' })
        }
        return { ...store, watch: refuse }
      },
    ],
  ])('keeps the queue of a store %s at its bound, and others’ rollouts count', async (_what, create) => {
    const { store, context, stop } = wire(create())
    await store.enqueueRollout({ input: 99 })
    const running = createBaseline<number>({ maxQueueLength: 3 }).run(context({ trainDataset: [0, 1, 2, 3, 4, 5] }))
    const lengths: number[] = []
    const inputs: unknown[] = []
    for (let left = 7; left > 0; left -= 1) {
      // Full before each claim, or all that is left.
      await until(store, Math.min(3, left))
      const claimed = await store.dequeueRollout()
      inputs.push(claimed!.input)
      await store.updateAttempt({ rolloutId: claimed!.rollout_id, attemptId: 'latest', status: 'succeeded' })
      lengths.push((await store.queryRollouts({ statusIn: ['queuing', 'requeuing'] })).total)
    }
    expect(inputs).toEqual([99, 0, 1, 2, 3, 4, 5])
    expect(Math.max(...lengths)).toBeLessThanOrEqual(3)
    expect((await running).outcomes).toEqual({ completed: 6 })
    stop.abort()
  })

  it('never has more waiting than allowed, and lets the runners run beyond that', async () => {
    const { store, serve, context } = wire()
    const statuses = new Map<string, string>()
    let longest = 0
    const watching = (async () => {
      for await (const event of store.watch()) {
        note(event)
        if (statuses.size === 40 && [...statuses.values()].every((status) => status === 'succeeded')) return
      }
    })()
    function note(event: StoreEvent): void {
      if (event.type !== 'rollout') return
      statuses.set(event.rollout.rollout_id, event.rollout.status)
      longest = Math.max(longest, [...statuses.values()].filter((status) => status === 'queuing').length)
    }
    // Four of them wait for one another: twice as many as may wait in the queue.
    let running = 0
    const met = Promise.withResolvers<void>()
    serve(
      rollout<number>(async () => {
        running += 1
        if (running === 4) met.resolve()
        await met.promise
        return 1
      }),
      8,
    )
    await createBaseline<number>({ maxQueueLength: 2 }).run(
      context({ trainDataset: Array.from({ length: 40 }, (_, task) => task) }),
    )
    await watching
    expect(longest).toBe(2)
  })

  it('tells what went wrong with some, and runs the others all the same', async () => {
    const { serve, context, lines, events } = wire()
    serve(
      rollout<number>((task) => {
        if (task < 2) throw new Error('no key')
        return task === 2 ? undefined : 1
      }),
    )
    const adapter: Adapter<readonly Triplet[]> = {
      adapt(spans) {
        if (spans.some(({ name }) => name === 'agentlightning.annotation')) throw new Error('unknown span')
        return []
      },
    }
    const { problems, reward, outcomes, rollouts } = await createBaseline<number>({ worstReward: -1 }).run(
      context({ adapter, trainDataset: [0, 1, 2, 3] }),
    )
    expect(outcomes).toEqual({ agent_error: 2, completed: 1, scored: 1 })
    expect(rollouts.map(({ score, reason, adapterError }) => [score, reason, adapterError])).toEqual([
      [-1, 'no key', null],
      [-1, 'no key', null],
      [null, null, null],
      [1, null, 'unknown span'],
    ])
    expect(reward).toMatchObject({ count: 3, mean: -1 / 3 })
    expect(problems.toSorted()).toEqual([
      '1 of 4 rollouts ended well but without a reward: the agent has to return one, or emit one.',
      '2 of 4 rollouts ended as agent_error; one of them with: no key',
      'The adapter failed on the spans of 1 of 4 rollouts: unknown span',
    ])
    const warned = lines.filter(([level]) => level === 'warn').map(([, message]) => message)
    expect(warned).toEqual(expect.arrayContaining([...problems, 'The adapter failed']))
    expect(events.flatMap((event) => (event.type === 'note' ? [event.text] : []))).toEqual(problems)
  })

  it.each([
    ['keys', { keys: expect.arrayContaining(['agentlightning.reward.0.value']) }],
    ['key_values', { attributes: expect.objectContaining({ 'agentlightning.reward.0.value': 1 }) }],
  ] as const)('writes each attempt with its own spans, by %s', async (spanVerbosity, described) => {
    const { store, context, lines } = wire()
    const running = createBaseline<number>({ spanVerbosity }).run(context({ trainDataset: [0] }))
    // The first attempt is lost to us and tried again.
    for (const [status, outcome] of [
      ['failed', 'infra_error'],
      ['succeeded', 'scored'],
    ] as const) {
      const { rollout_id: rolloutId, attempt } = (await store.dequeueRollout({ waitMs: 5000 }))!
      const { attempt_id: attemptId } = attempt
      const attributes = rewardToAttributes(1)
      await store.addSpan(buildSpan({ rolloutId, attemptId, name: rewardSpanName, attributes, startTime: 1, endTime: 1 }))
      await store.updateAttempt({
        rolloutId,
        attemptId: attempt.attempt_id,
        status,
        outcome,
        workerId: `w-${attempt.sequence_id}`,
      })
    }
    expect((await running).rollouts).toMatchObject([{ attempts: 2, spans: 1, reward: 1 }])
    const of = (text: string) => lines.flatMap(([level, message, fields]) => (message === text ? [[level, fields]] : []))
    expect(of('One of its attempts')).toMatchObject([
      ['info', { attempt: 1, status: 'failed', outcome: 'infra_error', workerId: 'w-1' }],
      ['info', { attempt: 2, status: 'succeeded', outcome: 'scored', workerId: 'w-2' }],
    ])
    const spans = of('One of its spans') as [string, { attemptId: string }][]
    expect(spans).toMatchObject([
      ['debug', described],
      ['debug', described],
    ])
    expect(new Set(spans.map(([, { attemptId }]) => attemptId)).size).toBe(2)
  })

  it('writes no spans when it is told so', async () => {
    const { serve, context, lines } = wire()
    serve(rollout<number>(() => 1))
    await createBaseline<number>({ spanVerbosity: 'none' }).run(context({ trainDataset: [0] }))
    expect(lines.filter(([, message]) => message === 'One of its spans')).toEqual([])
  })

  it('starts a gateway that nobody has started, and closes that one only', async () => {
    const { store, serve, context } = wire()
    const llmProxy = createLlmProxy({ models: [{ name: 'm', endpoint: 'http://127.0.0.1:1/v1' }] })
    onTestFinished(() => llmProxy.close())
    const isServing = async (): Promise<boolean> =>
      llmProxy.asResource().then(
        () => true,
        () => false,
      )
    const seen: boolean[] = []
    serve(
      rollout<number>(async () => {
        seen.push(await isServing())
        return 1
      }),
    )
    await createBaseline<number>().run(context({ llmProxy, trainDataset: [0] }))
    expect([seen, await isServing()]).toEqual([[true], false])
    await llmProxy.start({ sink: store })
    await createBaseline<number>().run(context({ llmProxy, trainDataset: [0] }))
    expect(await isServing()).toBe(true)
  })

  it('leaves no feed open', async () => {
    const store = createMemoryStore()
    const signals: (AbortSignal | undefined)[] = []
    const watched: LightningStore = {
      ...store,
      watch(request) {
        signals.push(request?.signal)
        return store.watch(request)
      },
    }
    const { serve, context } = wire(watched)
    serve(rollout<number>(() => 1))
    await createBaseline<number>().run(context({ trainDataset: [0] }))
    expect(signals.map((signal) => signal?.aborted)).toEqual([true])
  })

  it('says that there is nothing to run', async () => {
    const { context, lines } = wire()
    const result = await createBaseline<number>().run(context())
    expect(result).toMatchObject({ rollouts: [], outcomes: {}, reward: { count: 0 } })
    expect(result.problems).toEqual(['Both datasets are empty: nothing was run.'])
    expect(lines.map(([level]) => level)).toEqual(['warn'])
  })

  it('ends with the reason of its signal and leaves nothing behind', async () => {
    const { store, context, stop } = wire()
    const running = createBaseline<number>({ maxQueueLength: 2 }).run(context({ trainDataset: [0, 1, 2] }))
    await until(store, 2)
    await store.dequeueRollout()
    await until(store, 2)
    stop.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
    expect((await store.queryRollouts({ statusIn: ['cancelled'] })).total).toBe(3)
    await expect(createBaseline<number>().run(context({ trainDataset: [0] }))).rejects.toThrow('enough')
    expect((await store.queryRollouts()).total).toBe(3)
  })

  it('fails when its rollouts disappear, also while there is no room for the next', async () => {
    const { store, context } = wire()
    const running = createBaseline<number>({ maxQueueLength: 1 }).run(context({ trainDataset: [0, 1, 2] }))
    await until(store, 1)
    const [only] = (await store.queryRollouts()).items
    await store.enqueueRollout({ input: 'keeps the queue full' })
    await store.cancelRollouts({ rolloutIds: [only!.rollout_id] })
    await store.deleteRollouts({ rolloutIds: [only!.rollout_id] })
    await expect(running).rejects.toThrow(`Rollout ${only!.rollout_id} disappeared`)
  })

  it.each([{ epochs: 0 }, { maxQueueLength: 0 }, { spanVerbosity: 'all' }, { trainSplit: 0.5 }])('refuses %j', (options) => {
    expect(() => createBaseline(options as never)).toThrow(/Invalid options of createBaseline/)
  })
})

/** Resolves when so many rollouts wait in the queue. */
async function until(store: LightningStore, waiting: number): Promise<void> {
  for (;;) {
    const { total } = await store.queryRollouts({ statusIn: ['queuing', 'requeuing'] })
    if (total === waiting) return
    await new Promise((resolve) => setImmediate(resolve))
  }
}
