import { setTimeout as sleep } from 'node:timers/promises'
import { createMemoryStore } from '@agl/store-memory'
import {
  AglError,
  type AttemptedRollout,
  type EnqueueRolloutRequest,
  type LightningStore,
  type Logger,
  silentLogger,
} from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Agent, rollout } from './agent.ts'
import type { RunnerOptions } from './options.ts'
import { createRunner } from './runner.ts'

let store: LightningStore
beforeEach(() => {
  store = createMemoryStore()
})
afterEach(async () => {
  await store.close()
})

async function enqueue(count: number, request: Partial<EnqueueRolloutRequest> = {}): Promise<string[]> {
  const rollouts = Array.from({ length: count }, (_, index) => ({ input: index, ...request }))
  return (await store.enqueueManyRollouts({ rollouts })).map(({ rollout_id }) => rollout_id)
}

/** Runs until the rollouts are finished, then stops the runner. */
async function runAll(agent: Agent<number>, rolloutIds: readonly string[], options: Partial<RunnerOptions<number>> = {}) {
  const stop = new AbortController()
  const running = createRunner<number>({ agent, store, ...options }).run({ signal: stop.signal })
  await store.waitForRollouts({ rolloutIds, timeoutMs: 10_000 })
  stop.abort()
  const summary = await running
  const rollouts = await Promise.all(rolloutIds.map((rolloutId) => store.getRolloutById({ rolloutId })))
  return { summary, rollouts: rollouts as AttemptedRollout[] }
}

async function rewardOf(rolloutId: string): Promise<number | null> {
  return findFinalReward((await store.querySpans({ rolloutId })).items)
}

describe('the prompt template of an agent', () => {
  it.each([
    ['f-string', 'Add {a} to {b!r}.'],
    ['jinja', 'Add {{ a }} to {{ [b] | join }}.'],
  ] as const)('is the resource, and renders: %s', async (engine, template) => {
    const prompt = { resource_type: 'prompt_template', engine, template } as const
    await store.addResources({ resources: { prompt } })
    const seen: unknown[] = []
    const agent = rollout<number>((task, { promptTemplate }) => {
      const { format, ...fields } = promptTemplate
      seen.push(fields, format({ a: task, b: 2 }))
    })
    await runAll(agent, await enqueue(1))
    expect(seen).toEqual([prompt, 'Add 0 to 2.'])
  })

  it('says in the attempt which value is not there', async () => {
    await store.addResources({ resources: { prompt: { resource_type: 'prompt_template', engine: 'f-string', template: '{b}' } } })
    const agent = rollout<number>((task, { promptTemplate }) => {
      promptTemplate.format({ a: task })
    })
    const { rollouts } = await runAll(agent, await enqueue(1))
    const error = { message: expect.stringContaining('placeholder "b", got a') as string }
    expect(rollouts[0]).toMatchObject({ status: 'failed', attempt: { outcome: 'agent_error', metadata: { error } } })
  })
})

describe('what an agent may return', () => {
  it.each([
    [0.25, 'scored', 0.25],
    [0, 'scored', 0],
    [true, 'scored', 1],
    [undefined, 'completed', null],
    [null, 'completed', null],
  ])('%j ends as %s with reward %j', async (returned, outcome, reward) => {
    const [id] = await enqueue(1)
    const { rollouts } = await runAll(
      rollout(() => returned),
      [id!],
    )
    expect(rollouts[0]).toMatchObject({ status: 'succeeded', attempt: { status: 'succeeded', outcome } })
    expect(await rewardOf(id!)).toBe(reward)
  })

  it.each([['a string'], [Number.NaN], [[1]], [{ answer: 1 }]])(
    '%j is an agent error that says what is expected',
    async (returned) => {
      const [id] = await enqueue(1)
      const { rollouts } = await runAll(
        rollout(() => returned as unknown as number),
        [id!],
      )
      const error = { code: 'agent_failed', message: expect.stringContaining('finite number') }
      expect(rollouts[0]).toMatchObject({ status: 'failed', attempt: { outcome: 'agent_error', metadata: { error } } })
    },
  )

  it('what it emitted stays when it returns nothing', async () => {
    const [id] = await enqueue(1)
    await runAll(
      rollout((_task, { emit }) => emit.reward({ accuracy: 0.5, speed: 2 }, { primary: 'accuracy' })),
      [id!],
    )
    expect(await rewardOf(id!)).toBe(0.5)
  })
})

describe('an agent that misbehaves', () => {
  it('throws: the attempt fails as agent_error and keeps the reason', async () => {
    const [id] = await enqueue(1)
    const agent = rollout<number>(() => {
      throw new Error('boom')
    })
    const { rollouts } = await runAll(agent, [id!])
    expect(rollouts[0]).toMatchObject({
      status: 'failed',
      attempt: { status: 'failed', outcome: 'agent_error', metadata: { error: { message: 'boom' } } },
    })
  })

  it('never returns and ignores its signal: the attempt times out and the slot goes on', async () => {
    const ids = await enqueue(2)
    const agent = rollout<number>((task) => (task === 0 ? new Promise<number>(() => {}) : 1))
    const { rollouts } = await runAll(agent, ids, { attemptTimeoutMs: 50, abortGraceMs: 10 })
    expect(rollouts[0]).toMatchObject({ status: 'failed', attempt: { status: 'timeout', outcome: 'timeout' } })
    expect(rollouts[1]).toMatchObject({ status: 'succeeded' })
  })

  it('throws something that has no text: the attempt fails like any other', async () => {
    const [id] = await enqueue(1)
    const agent = rollout<number>(() => {
      throw Object.create(null)
    })
    const { rollouts } = await runAll(agent, [id!])
    expect(rollouts[0]!.attempt).toMatchObject({ outcome: 'agent_error', metadata: { error: { message: '{}' } } })
  })

  it('emits after it has returned: the reward is stored all the same', async () => {
    const [id] = await enqueue(1)
    const agent = rollout<number>((_task, { emit }) => {
      setTimeout(() => emit.reward(0.75), 20)
    })
    await runAll(agent, [id!])
    await vi.waitFor(async () => expect(await rewardOf(id!)).toBe(0.75))
    expect(await store.getLatestAttempt({ rolloutId: id! })).toMatchObject({ outcome: 'scored' })
  })

  it('answers after its deadline: what it returns no longer counts', async () => {
    const [id] = await enqueue(1, { config: { timeout_seconds: 0.05 } })
    const agent = rollout<number>(async () => {
      await sleep(120)
      return 1
    })
    const { rollouts } = await runAll(agent, [id!], { abortGraceMs: 500 })
    expect(rollouts[0]).toMatchObject({ status: 'failed', attempt: { status: 'timeout' } })
    await sleep(150)
    expect(await rewardOf(id!)).toBeNull()
  })

  it('is told by its signal when time is up', async () => {
    const [id] = await enqueue(1)
    const reasons: unknown[] = []
    const agent = rollout<number>(async (_task, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      reasons.push(signal.reason)
    })
    await runAll(agent, [id!], { attemptTimeoutMs: 30 })
    expect(reasons).toEqual([expect.objectContaining({ code: 'timeout' })])
  })
})

describe('resources', () => {
  it('that the store does not have settle the attempt as infra_error', async () => {
    const [id] = await enqueue(1, { resources_id: 'rs-gone' })
    const { rollouts } = await runAll(
      rollout(() => 1),
      [id!],
    )
    const error = { code: 'not_found', message: expect.stringContaining('rs-gone') }
    expect(rollouts[0]).toMatchObject({ status: 'failed', attempt: { outcome: 'infra_error', metadata: { error } } })
  })

  it('that the agent asks for and does not have are our error, which says what is there', async () => {
    const [id] = await enqueue(1)
    const { rollouts } = await runAll(
      rollout((_task, { llm }) => Number(llm.model)),
      [id!],
    )
    const error = { code: 'not_found', message: expect.stringContaining('no resources') }
    expect(rollouts[0]!.attempt).toMatchObject({ outcome: 'infra_error', metadata: { error } })
  })

  it('stay at the pinned version, and gateway models carry the attempt', async () => {
    const llm = {
      resource_type: 'proxy_llm',
      model: 'one',
      endpoint: 'http://gateway/v1',
      api_key: null,
      sampling_parameters: {},
    } as const
    const { resources_id } = await store.addResources({ resources: { llm } })
    const [id] = await enqueue(1)
    await store.updateResources({ resourcesId: resources_id, resources: { llm: { ...llm, model: 'two' } } })
    const seen: unknown[] = []
    const { rollouts } = await runAll(
      rollout((_task, context) => void seen.push(context.llm)),
      [id!],
    )
    const endpoint = `http://gateway/rollout/${id}/attempt/${rollouts[0]!.attempt.attempt_id}/v1`
    expect(seen).toEqual([{ ...llm, resource_type: 'llm', model: 'one', endpoint }])
  })

  it('come with a seed: the given one, else one that depends on the rollout alone', async () => {
    const seeds: number[] = []
    const agent = rollout<number>((_task, { seed }) => void seeds.push(seed))
    await runAll(agent, await enqueue(1, { metadata: { seed: 7 } }))
    await runAll(agent, await enqueue(1, { rollout_id: 'ro-fixed' }))
    await store.startAttempt({ rolloutId: 'ro-fixed' })
    await store.updateRollout({ rolloutId: 'ro-fixed', status: 'queuing' })
    await runAll(agent, ['ro-fixed'])
    expect(seeds).toEqual([7, seeds[2], expect.any(Number)])
    expect(seeds[1]).not.toBe(7)
  })
})

describe('the runner', () => {
  it('runs `concurrency` rollouts at a time, no more', async () => {
    const ids = await enqueue(20)
    let running = 0
    let most = 0
    const agent = rollout<number>(async () => {
      running += 1
      most = Math.max(most, running)
      await sleep(5)
      running -= 1
    })
    const { summary } = await runAll(agent, ids, { concurrency: 5 })
    expect(most).toBe(5)
    expect(summary).toEqual({ attempts: 20 })
  })

  it('takes another concurrency while it runs', async () => {
    const running = new Map<number, () => void>()
    const begun = async (count: number): Promise<void> => void (await vi.waitFor(() => expect(running.size).toBe(count)))
    const end = (count: number): void => {
      for (const [task, resolve] of [...running].slice(0, count)) {
        running.delete(task)
        resolve()
      }
    }
    const agent = rollout<number>((task) => new Promise<void>((resolve) => running.set(task, resolve)))
    await store.enqueueManyRollouts({ rollouts: Array.from({ length: 12 }, (_, input) => ({ input })) })
    const stop = new AbortController()
    const runner = createRunner({ agent, store, concurrency: 2, leaseMs: 300, workerId: 'w' })
    const run = runner.run({ signal: stop.signal })
    const queued = async (): Promise<number> => (await store.queryRollouts({ statusIn: ['queuing'] })).total
    await begun(2)
    runner.setConcurrency(5)
    await begun(5)
    expect(await queued()).toBe(7)
    const capacityOf = async () => (await store.getWorkerById({ workerId: 'w' }))!.heartbeat_stats!['capacity']
    await vi.waitFor(async () => expect(await capacityOf()).toBe(5))
    runner.setConcurrency(1)
    end(4)
    await vi.waitFor(async () => expect((await store.queryRollouts({ statusIn: ['succeeded'] })).total).toBe(4))
    expect([running.size, await queued()]).toEqual([1, 7])
    end(1)
    await begun(1)
    expect(await queued()).toBe(6)
    // Slots that wait for work give way, and there is room again afterwards.
    runner.setConcurrency(20)
    await begun(7)
    runner.setConcurrency(1)
    end(7)
    await vi.waitFor(async () => expect((await store.queryRollouts({ statusIn: ['succeeded'] })).total).toBe(12))
    await store.enqueueManyRollouts({ rollouts: [{ input: 20 }, { input: 21 }] })
    await begun(1)
    expect(await queued()).toBe(1)
    runner.setConcurrency(2)
    await begun(2)
    end(2)
    stop.abort()
    expect(await run).toEqual({ attempts: 14 })
    expect(() => runner.setConcurrency(0)).toThrow(/concurrency of a runner/)
  })

  it('stops after maxRollouts', async () => {
    await enqueue(5)
    expect(await createRunner({ agent: rollout(() => 1), store, maxRollouts: 3, concurrency: 2 }).run()).toEqual({ attempts: 3 })
    expect((await store.queryRollouts({ statusIn: ['queuing'] })).total).toBe(2)
  })

  it('renews its lease while the agent works', async () => {
    const [id] = await enqueue(1)
    const agent = rollout<number>(async () => {
      await sleep(500)
      return 1
    })
    const { rollouts } = await runAll(agent, [id!], { leaseMs: 150 })
    expect(rollouts[0]).toMatchObject({ status: 'succeeded', attempt: { sequence_id: 1 } })
  })

  it('stops an agent whose rollout was cancelled', async () => {
    const [id] = await enqueue(1)
    const started = Promise.withResolvers<void>()
    const stopped = vi.fn()
    const agent = rollout<number>(async (_task, { signal }) => {
      started.resolve()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      stopped()
      return 1
    })
    const stop = new AbortController()
    const running = createRunner({ agent, store, leaseMs: 150 }).run({ signal: stop.signal })
    await started.promise
    await store.cancelRollouts({ rolloutIds: [id!] })
    await vi.waitFor(() => expect(stopped).toHaveBeenCalled())
    stop.abort()
    await running
    expect(await store.getRolloutById({ rolloutId: id! })).toMatchObject({
      status: 'cancelled',
      attempt: { outcome: 'cancelled' },
    })
    expect(await rewardOf(id!)).toBeNull()
  })

  it('hands running work back when it is shut down', async () => {
    const [id] = await enqueue(1)
    const started = Promise.withResolvers<void>()
    const agent = rollout<number>(async () => {
      started.resolve()
      await new Promise(() => {})
    })
    const stop = new AbortController()
    const running = createRunner({ agent, store, shutdownGraceMs: 20, abortGraceMs: 20 }).run({ signal: stop.signal })
    await started.promise
    stop.abort()
    expect(await running).toEqual({ attempts: 1 })
    const again = await store.dequeueRollout()
    expect(again).toMatchObject({ rollout_id: id, attempt: { sequence_id: 2 } })
  })

  it.each([
    ['a result', 'updateAttempt', false],
    ['what it hands back', 'releaseAttempt', true],
  ] as const)('ends when it is asked to, though the store takes %s no more', async (_what, verb, isEndless) => {
    await enqueue(1)
    const offered = Promise.withResolvers<void>()
    const errors: string[] = []
    const refusing: LightningStore = {
      ...store,
      async [verb]() {
        offered.resolve()
        throw new AglError({ code: 'upstream_failed', message: 'store is away' })
      },
    }
    const started = Promise.withResolvers<void>()
    const agent = rollout(async (_task, { signal }) => {
      started.resolve()
      if (isEndless) await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return 1
    })
    const logger: Logger = { ...silentLogger, error: (message) => void errors.push(message) }
    const stop = new AbortController()
    const options = { agent, store: refusing, logger, leaseMs: 60_000, shutdownGraceMs: 100, abortGraceMs: 50 }
    const running = createRunner(options).run({ signal: stop.signal })
    await started.promise
    if (!isEndless) await offered.promise
    const asked = performance.now()
    stop.abort()
    expect(await running).toEqual({ attempts: 1 })
    expect(performance.now() - asked).toBeLessThan(5_000)
    expect(errors).toEqual([expect.stringContaining('could not be settled')])
  })

  it('settles for itself what somebody else has taken over', async () => {
    const [rolloutId] = await enqueue(1)
    const started = Promise.withResolvers<void>()
    const agent = rollout(async (_task, { signal }) => {
      started.resolve()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    const options = { agent, store, leaseMs: 1_500, maxRollouts: 1, abortGraceMs: 50 }
    const running = createRunner(options).run()
    await started.promise
    await store.startAttempt({ rolloutId: rolloutId! })
    await running
    const { items } = await store.queryAttempts({ rolloutId: rolloutId! })
    expect(items).toMatchObject([{ status: 'failed', outcome: 'infra_error', lease_expires: null }, { status: 'preparing' }])
  })

  it('rides out a store that fails for a while', async () => {
    const [id] = await enqueue(1)
    let failures = 2
    const flaky: LightningStore = {
      ...store,
      async dequeueRollout(request) {
        if (failures > 0) {
          failures -= 1
          throw new AglError({ code: 'upstream_failed', message: 'store is away' })
        }
        return await store.dequeueRollout(request)
      },
    }
    const { rollouts } = await runAll(
      rollout(() => 1),
      [id!],
      { store: flaky },
    )
    expect(rollouts[0]).toMatchObject({ status: 'succeeded' })
    expect(failures).toBe(0)
  })

  it('rides out passing failures while it reads resources and writes spans', async () => {
    await store.addResources({ resources: {} })
    const [id] = await enqueue(1)
    await store.addResources({ resources: {} }) // Only the latest are read beforehand.
    const failing = new Set<string>(['getResourcesById', 'addManySpans'])
    const failOnce = (verb: string): void => {
      if (failing.delete(verb)) throw new AglError({ code: 'upstream_failed', message: 'store is away' })
    }
    const flaky: LightningStore = {
      ...store,
      async getResourcesById(request) {
        failOnce('getResourcesById')
        return await store.getResourcesById(request)
      },
      async addManySpans(request) {
        failOnce('addManySpans')
        return await store.addManySpans(request)
      },
    }
    const { rollouts } = await runAll(
      rollout(() => 1),
      [id!],
      { store: flaky },
    )
    expect(failing.size).toBe(0)
    expect(rollouts[0]!.attempt).toMatchObject({ outcome: 'scored', sequence_id: 1 })
  })

  it.each(['getResourcesById', 'addManySpans'] as const)('settles when the store never answers %s', async (verb) => {
    await store.addResources({ resources: {} })
    const [id] = await enqueue(1)
    await store.addResources({ resources: {} }) // Only the latest are read beforehand.
    const stuck: LightningStore = { ...store, [verb]: () => new Promise(() => {}) }
    const { rollouts } = await runAll(
      rollout(() => 1),
      [id!],
      { store: stuck, attemptTimeoutMs: 40, abortGraceMs: 10 },
    )
    expect(rollouts[0]).toMatchObject({ status: 'failed', attempt: { status: 'timeout' } })
  })

  it('hands a claim back that arrives after it was told to stop', async () => {
    const [id] = await enqueue(1)
    const stop = new AbortController()
    const slow: LightningStore = {
      ...store,
      async dequeueRollout() {
        const claimed = await store.dequeueRollout({ leaseMs: 30_000 })
        stop.abort()
        await sleep(30)
        return claimed
      },
    }
    const agent = vi.fn(() => 1)
    await createRunner({ agent: rollout(agent), store: slow, shutdownGraceMs: 0 }).run({ signal: stop.signal })
    expect(agent).not.toHaveBeenCalled()
    expect(await store.dequeueRollout()).toMatchObject({ rollout_id: id })
  })

  it.each([
    ['finishes', 5_000, 'succeeded'],
    ['hands back', 10, 'requeuing'],
  ])('ends when the store has no more work, and %s what it runs', async (_what, shutdownGraceMs, status) => {
    const ids = await enqueue(1)
    const over = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<void>()
    // The second slot hears that it is over while the first is at work.
    const closing: LightningStore = {
      ...store,
      async dequeueRollout(request) {
        const claimed = await store.dequeueRollout({ ...request, waitMs: 0 })
        if (claimed !== null) return claimed
        await over.promise
        throw new AglError({ code: 'closed', message: 'the run is over' })
      },
    }
    const agent = rollout(async (_task, { signal }) => {
      over.resolve()
      signal.addEventListener('abort', () => finish.resolve())
      if (status === 'succeeded') setTimeout(finish.resolve, 50)
      await finish.promise
      return 1
    })
    const summary = await createRunner({ store: closing, agent, concurrency: 2, shutdownGraceMs }).run()
    expect(summary).toMatchObject({ attempts: 1, endedBy: { code: 'closed', message: 'the run is over' } })
    expect(await store.getRolloutById({ rolloutId: ids[0]! })).toMatchObject({ status })
  })

  it('asks again when a store is closed for now only', async () => {
    let asked = 0
    const closing: LightningStore = {
      ...store,
      async dequeueRollout(request) {
        asked += 1
        if (asked === 1) throw new AglError({ code: 'closed', message: 'the server restarts', isRetryable: true })
        return await store.dequeueRollout(request)
      },
    }
    await enqueue(1)
    const summary = await createRunner({ store: closing, agent: rollout(() => 1), maxRollouts: 1 }).run()
    expect(summary).toEqual({ attempts: 1 })
  })

  it('rejects when the store fails for good', async () => {
    const denied = new AglError({ code: 'unauthorized', message: 'wrong token' })
    const failing: LightningStore = { ...store, dequeueRollout: () => Promise.reject(denied) }
    await expect(createRunner({ agent: rollout(() => 1), store: failing }).run()).rejects.toBe(denied)
  })

  it('refuses to run twice at once', async () => {
    const stop = new AbortController()
    const runner = createRunner({ agent: rollout(() => 1), store })
    const running = runner.run({ signal: stop.signal })
    await expect(runner.run()).rejects.toMatchObject({ code: 'conflict' })
    stop.abort()
    await running
  })

  it.each([
    [{ concurrency: 0 }, /concurrency/],
    [{ concurency: 2 }, /concurency/],
    [{ agent: (() => 1) as unknown as Agent }, /wrap your function/],
  ])('refuses options %j', (options, text) => {
    expect(() => createRunner({ agent: rollout(() => 1), store, ...options })).toThrow(text)
  })
})
