import { createMemoryStore } from '@agl/store-memory'
import type { Rollout } from '@agl/types'
import { describe, expect, it } from 'vitest'
import { createExperiment } from './create-experiment.ts'
import { experimentMetrics } from './metrics.ts'
import { type Ask, asks, prompt, runTrial } from './trial.test-support.ts'

const arms = { plain: prompt('0.5'), guided: prompt('0.8') } as const
const byCustomer = { by: 'key', key: ({ customer }: Ask) => customer } as const

describe('a trial', () => {
  it('finds the better arm, promotes it where asked, and stops as soon as it is sure', async () => {
    const store = createMemoryStore()
    const experiment = createExperiment({ name: 'clerk', arms, assign: byCustomer, detect: 0.2, promote: true })
    const result = await runTrial(experiment, asks(600), { store })
    expect(result.verdict).toEqual({ kind: 'better', arm: 'guided' })
    expect(result.alias).toEqual({ alias: 'clerk.stable', resourcesId: 'clerk.guided', version: 1 })
    expect(result.state).toMatchObject({ phase: 'promoted', candidate: 'guided', by: 'run', revision: 2 })
    expect(result.arms[0]!.rollouts + result.arms[1]!.rollouts).toBeLessThan(300)
    const { anytime, difference } = result.differences[0]!
    expect(anytime!.low).toBeGreaterThan(0)
    expect(difference.mean).toBeGreaterThan(0.1)
    // Each rollout ran with the version of its arm, and no other.
    const { items } = await store.queryRollouts({ labels: { 'agl.experiment.arm': 'guided' } })
    expect(new Set(items.map((rollout) => `${rollout.resources_id}@${rollout.resources_version}`))).toEqual(
      new Set(['clerk.guided@1']),
    )
    await store.close()
  })

  it('says that no difference shows where there is none, once as much was run as was planned', async () => {
    const same = { one: prompt('0.5'), other: { ...prompt('0.5') } }
    const experiment = createExperiment({ name: 'same', arms: same, assign: { by: 'weight' }, detect: 0.3 })
    const { perArm } = experiment.plan()
    const result = await runTrial(experiment, asks(1_000), { seed: 3 })
    expect(result.verdict).toEqual({ kind: 'no_significant_difference' })
    expect(result.arms.every(({ rollouts }) => rollouts >= perArm)).toBe(true)
    expect(result.state.phase).toBe('trial')
  })

  it('says so too where the tasks end before', async () => {
    const experiment = createExperiment({ name: 'few', arms, assign: { by: 'weight' }, detect: 0.01 })
    const result = await runTrial(experiment, asks(3))
    expect(result.verdict).toEqual({ kind: 'no_significant_difference' })
    expect(result.plan.detectable).toBeNull()
  })

  it('runs every task with every arm where it is asked to, and compares by task', async () => {
    const experiment = createExperiment({ name: 'paired', arms, assign: { by: 'task', repetitions: 2 }, detect: 0.05 })
    const result = await runTrial(experiment, asks(20))
    expect(result.arms.map(({ rollouts, keys }) => [rollouts, keys])).toEqual([
      [40, 20],
      [40, 20],
    ])
    expect(result.differences[0]!.difference.count).toBe(20)
  })

  it('tells what each arm shows, and no winner, where arms are given by a feature', async () => {
    const feature = ({ number }: Ask): string => (number % 2 === 0 ? 'even' : 'odd')
    const assign = { by: 'feature', feature, arms: { even: 'guided' }, otherwise: 'plain' } as const
    const result = await runTrial(createExperiment({ name: 'feature', arms, assign }), asks(200))
    expect(result.verdict).toEqual({ kind: 'not_comparable' })
    expect(result.arms.map(({ rollouts }) => rollouts)).toEqual([100, 100])
    expect(result.differences[0]!.anytime).toBeNull()
  })

  it('gives all to one arm where it is fixed', async () => {
    const assign = { by: 'fixed', arm: 'guided' } as const
    const result = await runTrial(createExperiment({ name: 'fixed', arms, assign }), asks(10))
    expect(result.arms.map(({ arm, rollouts }) => [arm, rollouts])).toEqual([
      ['plain', 0],
      ['guided', 10],
    ])
  })

  it('measures dimensions of rewards, outcomes and latency of each arm', async () => {
    const metrics = {
      quality: experimentMetrics.reward({ dimension: 'primary' }),
      ended: experimentMetrics.outcome(),
      latency: experimentMetrics.latency({ mostMs: 60_000 }),
    }
    const experiment = createExperiment({ name: 'metrics', arms, assign: { by: 'weight' }, metrics, detect: 0.05 })
    const { arms: shown, differences } = await runTrial(experiment, asks(40))
    expect(shown[0]!.metrics['ended']).toMatchObject({ mean: 1 })
    expect(shown[0]!.metrics['latency']!.mean).toBeGreaterThan(0)
    expect(shown[1]!.metrics['quality']!.mean).toBeGreaterThan(shown[0]!.metrics['quality']!.mean)
    expect(differences.map(({ metric }) => metric)).toEqual(['quality', 'ended', 'latency'])
  })

  it('goes on where it was stopped: nothing that was run is run again, and the result is that of one run', async () => {
    const run = async (limit: number | null) => {
      const store = createMemoryStore()
      const experiment = createExperiment({ name: 'resumed', arms, assign: byCustomer, detect: 0.05, concurrency: 4 })
      if (limit !== null) {
        const stop = new AbortController()
        const onEvent = (event: { readonly type: string; readonly done?: number }): void => {
          if (event.type === 'phase' && event.done === limit) stop.abort(new Error('stopped'))
        }
        const first = await Promise.allSettled([runTrial(experiment, asks(80), { store, signal: stop.signal, onEvent })])
        if (first[0].status === 'fulfilled') throw new Error('The run was not stopped.')
      }
      const { arms: shown, differences, verdict } = await runTrial(experiment, asks(80), { store })
      const { total } = await store.queryRollouts({ statusIn: ['succeeded'] })
      await store.close()
      return { counted: shown.map(({ rollouts, metrics }) => ({ rollouts, metrics })), differences, verdict, total }
    }
    const whole = await run(null)
    expect(await run(33)).toEqual(whole)
    expect(whole.total).toBe(80)
  })

  it('counts what was under way when its process was killed, however long ago that was', async () => {
    const store = createMemoryStore()
    const experiment = createExperiment({ name: 'killed', arms, assign: byCustomer, detect: 0.05 })
    await runTrial(experiment, asks(40), { store })
    // As the next process sees it an hour later, before a runner takes up what is left.
    const { items, ...page } = await store.queryRollouts({ labels: { 'agl.experiment': 'killed' } })
    const began = items.map((rollout) => ({ ...rollout, start_time: rollout.start_time - 3_600 }))
    const left = began.map((rollout, number) => (number < 36 ? rollout : { ...rollout, status: 'running' as const }))
    const next = { ...store, queryRollouts: async () => ({ ...page, items: left }) }
    const { arms: shown, leftOut } = await runTrial(experiment, asks(80), { store: next })
    expect([shown.reduce((sum, { rollouts }) => sum + rollouts, 0), leftOut]).toEqual([80, 0])
    await store.close()
  })

  it('waits for no rollout of others that is not finished', async () => {
    const store = createMemoryStore()
    const experiment = createExperiment({ name: 'shared', arms, assign: byCustomer, detect: 0.2 })
    await using live = await experiment.open({ store })
    const [{ labels, metadata, resources_id, resources_version }] = (await live.enqueue(asks(1))) as [Rollout]
    // A service is in the middle of it.
    const served = { input: 'anything', labels, metadata, resources_id, resources_version }
    await store.startRollout({ rollout: served })
    const { verdict } = await runTrial(experiment, asks(600), { store })
    expect(verdict).toEqual({ kind: 'better', arm: 'guided' })
    await store.close()
  })

  it('runs no repetition again because there is one arm more', async () => {
    const store = createMemoryStore()
    const assign = { by: 'task', repetitions: 2 } as const
    await runTrial(createExperiment({ name: 'more', arms, assign, detect: 0.05 }), asks(10), { store })
    const three = { ...arms, third: prompt('0.6') }
    const { arms: shown } = await runTrial(createExperiment({ name: 'more', arms: three, assign, detect: 0.05 }), asks(10), {
      store,
    })
    expect(shown.map(({ rollouts }) => rollouts)).toEqual([20, 20, 20])
    await store.close()
  })

  it('says how many keys there are for the arm that gets the fewest', async () => {
    const few = { plain: { ...prompt('0.5'), weight: 99 }, guided: prompt('0.5') }
    const { plan, arms: shown } = await runTrial(createExperiment({ name: 'few', arms: few, assign: byCustomer }), asks(500))
    expect(shown[1]!.keys).toBeLessThan(20)
    expect(plan.available).toBe(shown[1]!.keys)
  })

  it('refuses another alias than the store has', async () => {
    const store = createMemoryStore()
    await (await createExperiment({ name: 'named', arms, assign: byCustomer }).open({ store })).close()
    const other = createExperiment({ name: 'named', arms, assign: byCustomer, alias: 'other' })
    await expect(runTrial(other, asks(4), { store })).rejects.toThrow(
      /moves the alias "named.stable" in the store, and "other" here/,
    )
    await store.close()
  })

  it('refuses a second trial of what has been promoted', async () => {
    const store = createMemoryStore()
    const experiment = createExperiment({ name: 'over', arms, assign: byCustomer })
    await using live = await experiment.open({ store })
    await live.promote({ arm: 'guided', by: 'ann', reason: 'as agreed' })
    await expect(runTrial(experiment, asks(4), { store })).rejects.toThrow(/promoted guided.*another name/)
  })
})

describe('options', () => {
  const base = { name: 'n', arms, assign: { by: 'weight' } } as const
  const open = (more: object) => () => createExperiment({ ...base, ...more } as never)
  it.each([
    ['one arm', { arms: { plain: arms.plain } }, /two arms or more/],
    ['an unknown option', { arm: 'plain' }, /arm/],
    ['an unknown control', { control: 'nobody' }, /control is "nobody"; the arms are plain, guided/],
    ['an unknown arm of a feature', { assign: { by: 'feature', feature: String, arms: { a: 'x' }, otherwise: 'plain' } }, /"x"/],
    [
      'a weight of nothing',
      { arms: { ...arms, guided: { ...arms.guided, weight: 0 } } },
      /expected number to be >0; got 0[^]*arms.guided.weight/,
    ],
    ['a deciding metric without a range', { metrics: { latency: experimentMetrics.latency() } }, /needs a range/],
    [
      'a range that ends before it begins',
      { metrics: { reward: experimentMetrics.reward({ range: [1, 0] }) } },
      /the least first/,
    ],
    ['a difference larger than the range', { detect: 2 }, /less than the range/],
    ['a guard of nothing', { guards: [{ metric: 'cost', max: 1 }] }, /guard names the metric "cost"; there are reward/],
    ['a guard without a bound', { guards: [{ metric: 'reward' }] }, /either min or max/],
    ['a guard that always tells', { guards: [{ metric: 'reward', min: 1 }] }, /expected one between 0 and 1/],
    ['a name with a slash', { name: 'a/b' }, /expected 1 to 100 characters/],
    ['an error rate of a coin', { errorRate: 0.5 }, /errorRate/],
  ])('refuses %s', (_, more, message) => {
    expect(open(more)).toThrow(message)
  })

  it('states sizes before the start: more where less is to be found, and where more arms are compared', () => {
    const plan = createExperiment(base).plan(400)
    expect(plan).toEqual({ detect: 0.1, perArm: 711, perArmLookingOnce: 389, available: 400, detectable: expect.any(Number) })
    expect(plan.detectable).toBeCloseTo(0.133, 2)
    expect(createExperiment({ ...base, detect: 0.05 }).plan().perArm).toBeGreaterThan(3.9 * plan.perArm)
    const three = createExperiment({ ...base, arms: { ...arms, third: prompt('0.6') } }).plan()
    expect(three.perArm).toBeGreaterThan(plan.perArm)
  })
})
