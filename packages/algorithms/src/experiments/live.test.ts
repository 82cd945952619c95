import { createMemoryStore } from '@agl/store-memory'
import { buildSpan, rewardSpanName, rewardToAttributes } from '@agl/types/spans'
import { describe, expect, it, onTestFinished } from 'vitest'
import { armOf } from './assignment.ts'
import { controlExperiment } from './control.ts'
import { createExperiment, type Experiment } from './create-experiment.ts'
import { createDetector } from './guard.ts'
import type { LiveExperiment } from './live.ts'
import { experimentMetrics } from './metrics.ts'
import type { ExperimentOptions } from './options.ts'
import { routeResources } from './route.ts'
import { prompt } from './trial.test-support.ts'

interface Customer {
  readonly customer: string
}

const who = (number: number): Customer => ({ customer: `c${number}` })
const ann = { by: 'ann', reason: 'as agreed' }

function define(more: Partial<ExperimentOptions<Customer>> = {}): Experiment<Customer> {
  return createExperiment<Customer>({
    name: 'clerk',
    arms: { plain: prompt('0.5'), guided: prompt('0.8') },
    assign: { by: 'key', key: ({ customer }) => customer },
    ...more,
  })
}

async function open(experiment: Experiment<Customer> = define(), store = createMemoryStore()): Promise<LiveExperiment<Customer>> {
  const live = await experiment.open({ store })
  onTestFinished(() => live.close())
  return live
}

describe('routing', () => {
  it('gives a key the same arm always, in as many as the weights say, with the resources of the arm', async () => {
    const live = await open(define({ arms: { plain: { ...prompt('0.5'), weight: 3 }, guided: prompt('0.8') } }))
    const arms = Array.from({ length: 4_000 }, (_, number) => routeResources(live, who(number)))
    expect(arms.filter(({ arm }) => arm === 'guided').length / 4_000).toBeCloseTo(0.25, 1)
    expect(
      arms.every(({ arm, key, resources }) => {
        const { template } = resources['prompt'] as { readonly template: string }
        return template === (arm === 'guided' ? '0.8' : '0.5') && arm === armOf('clerk', { plain: 3, guided: 1 }, key)
      }),
    ).toBe(true)
    const again = await open(
      live.settings && define({ arms: { plain: { ...prompt('0.5'), weight: 3 }, guided: prompt('0.8') } }),
      live.store as never,
    )
    expect(Array.from({ length: 50 }, (_, number) => routeResources(again, who(number)).arm)).toEqual(
      arms.slice(0, 50).map(({ arm }) => arm),
    )
  })

  it('knows arms that are named like what every object has', async () => {
    const arms = { valueOf: prompt('0.5'), constructor: prompt('0.8') }
    const live = await open(define({ arms }))
    expect(live.state.arms).toEqual({
      valueOf: { resourcesId: 'clerk.valueOf', version: 1 },
      constructor: { resourcesId: 'clerk.constructor', version: 1 },
    })
  })

  it('refuses to be opened with what it does not know', async () => {
    const store = createMemoryStore()
    await expect(define().open({ store, chang: ann } as never)).rejects.toThrow(/chang/)
    await expect(define().open({} as never)).rejects.toThrow(/expected a store/)
    await expect(define().open({ store, change: { by: 'ann' } } as never)).rejects.toThrow(/change\.reason/)
    await store.close()
  })

  it('refuses a task without a key', async () => {
    const live = await open()
    expect(() => routeResources(live, {} as Customer)).toThrow(/key of a task is nothing/)
  })

  it('leaves other experiments of the same store alone', async () => {
    const store = createMemoryStore()
    const [one, other] = [await open(define(), store), await open(define({ name: 'other' }), store)]
    const same = Array.from(
      { length: 1_000 },
      (_, number) => routeResources(one, who(number)).arm === routeResources(other, who(number)).arm,
    )
    expect(same.filter(Boolean).length).toBeGreaterThan(420)
    expect(same.filter(Boolean).length).toBeLessThan(580)
    await one.promote({ arm: 'guided', ...ann })
    await other.refresh()
    expect(other.state.phase).toBe('trial')
    expect(await store.getResourcesByAlias({ alias: 'other.stable' })).toMatchObject({ resources_id: 'other.plain' })
  })
})

describe('roll-out and back', () => {
  it('widens without taking the candidate from anybody, moves the alias at the end, and goes back where it was', async () => {
    const live = await open()
    const { store } = live
    const alias = async () => (await store.getResourcesByAlias({ alias: 'clerk.stable' }))!.resources_id
    const holders = (): readonly number[] =>
      Array.from({ length: 2_000 }, (_, number) => number).filter((number) => routeResources(live, who(number)).arm === 'guided')
    await live.rollOut({ arm: 'guided', share: 0.05, ...ann })
    const few = holders()
    expect(few.length).toBeGreaterThan(60)
    expect(few.length).toBeLessThan(150)
    await live.rollOut({ arm: 'guided', share: 0.25, ...ann })
    const more = new Set(holders())
    expect(few.every((number) => more.has(number))).toBe(true)
    expect(await alias()).toBe('clerk.plain')
    await live.promote({ arm: 'guided', by: 'ben', reason: 'holds' })
    expect(holders()).toHaveLength(2_000)
    expect(await alias()).toBe('clerk.guided')
    await live.rollback({ by: 'cleo', reason: 'complaints' })
    expect(holders()).toEqual([])
    expect(await alias()).toBe('clerk.plain')
    expect(live.history().map(({ revision, action, by, reason }) => [revision, action, by, reason])).toEqual([
      [1, 'define', 'program', 'opened for the first time'],
      [2, 'roll_out', 'ann', 'as agreed'],
      [3, 'roll_out', 'ann', 'as agreed'],
      [4, 'promote', 'ben', 'holds'],
      [5, 'rollback', 'cleo', 'complaints'],
    ])
    await expect(live.rollback(ann)).rejects.toThrow(/already/)
  })

  it('is seen by others through the feed', async () => {
    const live = await open()
    const other = await open(define(), live.store as never)
    await live.rollOut({ arm: 'guided', share: 0.5, ...ann })
    await expect.poll(() => other.state.phase).toBe('rolling_out')
  })

  it('takes one of two steps that are taken at once, and the other by what the first one left', async () => {
    const live = await open()
    const other = await open(define(), live.store as never)
    const both = await Promise.allSettled([live.promote({ arm: 'guided', ...ann }), other.promote({ arm: 'guided', ...ann })])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect((await controlExperiment({ store: live.store, name: 'clerk' }).history()).map(({ revision }) => revision)).toEqual([
      1, 2,
    ])
  })

  it('finishes a promotion whose process died before it moved the alias', async () => {
    const store = createMemoryStore()
    await open(define(), store)
    const dying = { ...store, setResourcesAlias: () => Promise.reject(new Error('killed')) }
    const control = controlExperiment({ store: dying, name: 'clerk' })
    await expect(control.promote({ arm: 'guided', ...ann })).rejects.toThrow('killed')
    expect(await store.getResourcesByAlias({ alias: 'clerk.stable' })).toMatchObject({ resources_id: 'clerk.plain' })
    await open(define(), store)
    expect(await store.getResourcesByAlias({ alias: 'clerk.stable' })).toMatchObject({ resources_id: 'clerk.guided' })
  })

  it('leaves an alias that somebody moved by hand where it is', async () => {
    const live = await open()
    const { store } = live
    await live.promote({ arm: 'guided', ...ann })
    await store.addResources({ resources: {} })
    const mine = (await store.getLatestResources())!
    await store.setResourcesAlias({ alias: 'clerk.stable', resourcesId: mine.resources_id, version: 1 })
    await open(define(), store as never)
    expect(await store.getResourcesByAlias({ alias: 'clerk.stable' })).toMatchObject({ resources_id: mine.resources_id })
  })

  it('works without the program that defined it', async () => {
    const live = await open()
    const control = controlExperiment({ store: live.store, name: 'clerk' })
    await control.promote({ arm: 'guided', ...ann })
    await control.rollback({ by: 'ben', reason: 'at night' })
    expect((await control.history()).map(({ action }) => action)).toEqual(['define', 'promote', 'rollback'])
    await expect(controlExperiment({ store: live.store, name: 'nobody' }).rollback(ann)).rejects.toThrow(/no experiment "nobody"/)
  })

  it.each([
    ['a share of all', { arm: 'guided', share: 1 }, /above 0 and below 1/],
    ['the control', { arm: 'plain', share: 0.5 }, /cannot be rolled out/],
    ['nobody', { arm: 'nobody', share: 0.5 }, /cannot be rolled out/],
  ])('refuses to roll out %s', async (_, step, message) => {
    await expect((await open()).rollOut({ ...step, ...ann })).rejects.toThrow(message)
  })
})

describe('change', () => {
  const three = { plain: prompt('0.5'), guided: prompt('0.8'), third: prompt('0.6') }

  it('needs somebody who says so, and then moves no key but to the new arm', async () => {
    const live = await open()
    const before = Array.from({ length: 900 }, (_, number) => routeResources(live, who(number)).arm)
    await expect(define({ arms: three }).open({ store: live.store })).rejects.toThrow(/other arms or weights.*change/)
    await using changed = await define({ arms: three }).open({ store: live.store, change: ann })
    const after = before.map((_, number) => routeResources(changed, who(number)).arm)
    expect(after.filter((arm) => arm === 'third').length).toBeGreaterThan(230)
    expect(after.every((arm, number) => arm === before[number] || arm === 'third')).toBe(true)
    await expect.poll(() => live.state.revision).toBe(2)
    expect(routeResources(live, who(after.indexOf('third'))).resources['prompt']).toMatchObject({ template: '0.6' })
  })

  it('gives an arm with another prompt a new version, of which old results tell nothing', async () => {
    const live = await open()
    for (let number = 0; number < 40; number += 1)
      await live.record(routeResources(live, who(number)), { input: number, values: { reward: 1 } })
    const other = define({ arms: { plain: prompt('0.5'), guided: prompt('0.9') } })
    await using changed = await other.open({ store: live.store, change: ann })
    const [plain, guided] = (await changed.compare()).arms
    expect(plain!.rollouts).toBeGreaterThan(0)
    expect(guided).toMatchObject({ resourcesId: 'clerk.guided', version: 2, rollouts: 0 })
  })
})

describe('results without a runner', () => {
  it('are counted by arm, a key once, and kept as rollouts with their reward', async () => {
    const live = await open()
    for (let number = 0; number < 60; number += 1) {
      const route = routeResources(live, who(number % 30))
      await live.record(route, { input: { number }, values: { reward: route.arm === 'guided' ? 1 : 0 }, reward: 1 })
    }
    const { arms, differences } = await live.compare()
    expect(arms.reduce((sum, { rollouts }) => sum + rollouts, 0)).toBe(60)
    expect(arms.reduce((sum, { keys }) => sum + keys, 0)).toBe(30)
    expect(differences[0]!.difference.mean).toBe(1)
    const { items } = await live.store.queryRollouts({ labels: { 'agl.experiment': 'clerk' }, limit: 1 })
    expect(items[0]).toMatchObject({ status: 'succeeded', attempt: { outcome: 'scored' } })
  })

  it('have the reward that is among their spans, though it comes later, but no latency that nobody measured', async () => {
    const metrics = { reward: experimentMetrics.reward(), latency: experimentMetrics.latency() }
    const live = await open(define({ metrics }))
    const { store } = live
    for (let number = 0; number < 20; number += 1) {
      const route = routeResources(live, who(number))
      if (number % 2 === 0) await live.record(route, { input: number, values: {}, reward: 1 })
      else {
        const { rollout_id: rolloutId } = await live.record(route, { input: number, values: { latency: 5 } })
        const { attempt_id: attemptId } = (await store.getLatestAttempt({ rolloutId }))!
        const [startTime, attributes] = [Date.now() / 1000, rewardToAttributes(1)]
        await store.addSpan(buildSpan({ rolloutId, attemptId, name: rewardSpanName, attributes, startTime, endTime: startTime }))
      }
    }
    const { arms } = await live.compare()
    const counts = (metric: string): number => arms.reduce((sum, { metrics: shown }) => sum + shown[metric]!.count, 0)
    expect([counts('reward'), counts('latency')]).toEqual([20, 10])
    expect(arms.map(({ metrics: shown }) => [shown['reward']!.mean, shown['latency']!.mean])).toEqual([
      [1, 5],
      [1, 5],
    ])
  })

  it.each([
    [{ quality: 1 }, /no metric "quality"; there are reward/],
    [{ reward: 7 }, /is 7; expected a number from 0 to 1/],
  ])('are refused with %j', async (values, message) => {
    const live = await open()
    await expect(live.record(routeResources(live, who(1)), { input: 1, values } as never)).rejects.toThrow(message)
    expect((await live.store.queryRollouts({ labels: { 'agl.experiment': 'clerk' } })).total).toBe(0)
  })

  it('are told again and again as they come', async () => {
    const live = await open()
    const stop = new AbortController()
    const counts: number[] = []
    const following = (async () => {
      for await (const { arms } of live.comparisons({ signal: stop.signal, everyMs: 0 })) {
        counts.push(arms.reduce((sum, { rollouts }) => sum + rollouts, 0))
      }
    })()
    for (let number = 0; number < 5; number += 1) {
      await live.record(routeResources(live, who(number)), { input: number, values: { reward: 1 } })
    }
    await expect.poll(() => counts.at(-1)).toBe(5)
    expect((await live.compare()).verdict.kind).toBe('undecided')
    expect((await live.compare({ isOver: true })).verdict.kind).toBe('no_significant_difference')
    stop.abort()
    await following
    expect(counts).toEqual(counts.toSorted((a, b) => a - b))
  })
})

describe('comparisons', () => {
  it('tell of the last results too, and end when they are left', async () => {
    const live = await open()
    const tells: number[] = []
    for await (const { arms } of live.comparisons({ signal: AbortSignal.timeout(10_000), everyMs: 300 })) {
      tells.push(arms.reduce((sum, { rollouts }) => sum + rollouts, 0))
      if (tells.length === 1) {
        const serveOne = (number: number) =>
          live.record(routeResources(live, who(number)), { input: number, values: { reward: 1 } })
        await Promise.all(Array.from({ length: 50 }, (_, number) => serveOne(number)))
      }
      if (tells.at(-1) === 50) break
    }
    expect(tells[0]).toBe(0)
    expect(tells.at(-1)).toBe(50)
    expect(tells.length).toBeLessThan(5)
  })
})

describe('guards', () => {
  const guards = [
    { metric: 'reward', min: 0.8 },
    { metric: 'latency', max: 500 },
  ] as const
  const metrics = { reward: experimentMetrics.reward(), latency: experimentMetrics.latency({ mostMs: 10_000 }) }

  /** Serves customers one after the other until told to stop. */
  async function serve(
    live: LiveExperiment<Customer>,
    signal: AbortSignal,
    valuesOf: (arm: string, turn: number) => Readonly<Record<string, number>>,
  ): Promise<number> {
    let bad = 0
    for (let turn = 0; !signal.aborted && turn < 5_000; turn += 1) {
      const route = routeResources(live, who(turn))
      if (route.arm === 'guided') bad += 1
      await live.record(route, { input: turn, values: valuesOf(route.arm, turn) })
    }
    return bad
  }

  it('roll a regression back before many have met it', async () => {
    const live = await open(define({ guards, metrics }))
    const served = new AbortController()
    const serving = serve(live, served.signal, (arm, turn) => ({
      reward: arm === 'guided' && turn % 2 === 0 ? 0 : 1,
      latency: 100,
    }))
    const result = await live.rollOutGradually({ arm: 'guided', resultsPerShare: 1_000, signal: served.signal, ...ann })
    served.abort()
    expect(await serving).toBeLessThan(200)
    expect(result).toMatchObject({ kind: 'rolled_back', alarm: { metric: 'reward', side: 'min', bound: 0.8 } })
    expect(live.state).toMatchObject({ phase: 'rolled_back', by: 'guard' })
    expect(live.state.reason).toMatch(/reward: 0\.\d+ on average of the last \d+ results, below its bound of 0.8/)
  })

  it.each([[[5, 25, 100]], [[0.25, 0.05, 1]], [[0.05, 0.25]], [[]]])('are not rolled out by %j', async (shares) => {
    const live = await open(define({ guards, metrics }))
    const signal = AbortSignal.timeout(5_000)
    await expect(live.rollOutGradually({ arm: 'guided', shares, signal, ...ann })).rejects.toThrow(
      /above 0, rising, and the last one 1/,
    )
    expect(live.state.phase).toBe('trial')
  })

  it.each([0, -1, 1.5, Number.NaN])('are not rolled out by %d results each', async (resultsPerShare) => {
    const live = await open(define({ guards, metrics }))
    const signal = AbortSignal.timeout(5_000)
    await expect(live.rollOutGradually({ arm: 'guided', resultsPerShare, signal, ...ann })).rejects.toThrow(/of 1 or more/)
    expect(live.state.phase).toBe('trial')
  })

  it('are given up when the experiment is closed in the middle', async () => {
    const live = await open(define({ guards, metrics }))
    const rollingOut = live.rollOutGradually({
      arm: 'guided',
      signal: new AbortController().signal,
      onStep: () => void live.close(),
      ...ann,
    })
    await expect(rollingOut).rejects.toThrow(/has been closed/)
  })

  it('tell when what they watch is no number any more', () => {
    const detector = createDetector({ metric: 'reward', range: [0, 1], bound: 0.8, side: 'min', falseAlarmEvery: 10_000 })
    const told = Array.from({ length: 100 }, () => detector.add(Number.NaN))
    expect([told.indexOf(true) > 0, detector.mean]).toEqual([true, 0])
  })

  it('watch what must not grow as well', async () => {
    const live = await open(define({ guards, metrics }))
    const served = new AbortController()
    const serving = serve(live, served.signal, (arm) => ({ reward: 1, latency: arm === 'guided' ? 900 : 100 }))
    const result = await live.rollOutGradually({
      arm: 'guided',
      shares: [0.5, 1],
      resultsPerShare: 1_000,
      signal: served.signal,
      ...ann,
    })
    served.abort()
    await serving
    expect(result).toMatchObject({ kind: 'rolled_back', alarm: { metric: 'latency', side: 'max' } })
  })

  it('let a good candidate through step by step', async () => {
    const live = await open(define({ guards, metrics }))
    const served = new AbortController()
    const serving = serve(live, served.signal, () => ({ reward: 1, latency: 100 }))
    const shares: number[] = []
    const result = await live.rollOutGradually({
      arm: 'guided',
      resultsPerShare: 20,
      signal: AbortSignal.timeout(20_000),
      onStep: ({ weights }) => void shares.push(weights['guided']!),
      ...ann,
    })
    served.abort()
    await serving
    expect(result.kind).toBe('promoted')
    expect(shares).toEqual([0.05, 0.25, 1])
  })

  it('go on with the share that stands after a restart', async () => {
    const live = await open(define({ guards, metrics }))
    await live.rollOut({ arm: 'guided', share: 0.25, ...ann })
    const served = new AbortController()
    const serving = serve(live, served.signal, () => ({ reward: 1, latency: 100 }))
    const signal = AbortSignal.timeout(20_000)
    const result = await live.rollOutGradually({ arm: 'guided', resultsPerShare: 10, signal, ...ann })
    served.abort()
    await serving
    expect(result.kind).toBe('promoted')
    expect(live.history().map(({ action, weights }) => [action, weights['guided']])).toEqual([
      ['define', 1],
      ['roll_out', 0.25],
      ['promote', 1],
    ])
  })

  it('go on after the promotion for as long as somebody keeps them', async () => {
    const live = await open(define({ guards, metrics }))
    await live.promote({ arm: 'guided', ...ann })
    const served = new AbortController()
    const guarding = live.keepGuard({ signal: served.signal })
    const serving = serve(live, served.signal, (_, turn) => ({ reward: turn < 300 ? 1 : turn % 2, latency: 100 }))
    const alarm = await guarding
    served.abort()
    expect(await serving).toBeGreaterThan(300)
    expect(alarm).toMatchObject({ metric: 'reward' })
    // Of the time since it got worse, and not of the good time before.
    expect(alarm!.mean).toBeLessThan(0.6)
    expect(await live.store.getResourcesByAlias({ alias: 'clerk.stable' })).toMatchObject({ resources_id: 'clerk.plain' })
  })
})
