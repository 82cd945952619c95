import type { AttemptedRollout } from '@agl/types'
import { nextTimer } from '../lib/loop-delay.ts'
import { percentile, spreadOf } from '../lib/measure.ts'
import { atMost, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { type Driver, openDriver } from './driver.ts'

const ours = { 'agl-api': '1' }

/** Scenario 9, the memory half: from the enqueueing request until a parked dequeue has the work. */
export const pickupLatency: Scenario = {
  name: 'pickup-latency',
  title: 'enqueue -> a parked dequeue has it; update -> a parked wait has it',
  run: async ({ isShort, rounds }) => {
    const times = isShort ? 100 : 500
    const driver = await openDriver('ours')
    const pickups: (readonly number[])[] = []
    const completions: (readonly number[])[] = []
    for (let round = -1; round < rounds; round++) {
      const samples = await measure(driver, times)
      if (round < 0) continue
      pickups.push(samples.pickups)
      completions.push(samples.completions)
    }
    await driver.close()
    const at = (all: readonly (readonly number[])[], rank: number): readonly number[] =>
      all.map((sample) => percentile(sample, rank))
    const result = (name: string, values: readonly number[], limit: number | null): Result => ({
      name,
      unit: name.endsWith('p99') ? 'ms p99' : 'ms p50',
      better: 'lower',
      ours: spreadOf(values),
      peer: null,
      target: limit === null ? null : atMost('value', limit),
      note: `${formatNumber(times)} one after the other, from before the request is sent`,
    })
    return [
      result('pickup-latency', at(pickups, 0.5), 1),
      result('pickup-latency-p99', at(pickups, 0.99), null),
      result('completion-latency', at(completions, 0.5), 2),
      result('completion-latency-p99', at(completions, 0.99), null),
    ]
  },
}

async function measure(
  driver: Driver,
  times: number,
): Promise<{ readonly pickups: readonly number[]; readonly completions: readonly number[] }> {
  const pickups: number[] = []
  const completions: number[] = []
  for (let index = 0; index < times; index++) {
    const parked = driver.post('/queues/rollouts/dequeue', { wait_seconds: 20, worker_id: 'w' }, ours).then((claimed) => {
      pickups.push(performance.now() - start)
      return (claimed as readonly AttemptedRollout[])[0]!
    })
    await nextTimer(2)
    let start = performance.now()
    await driver.post('/queues/rollouts/enqueue', { rollouts: [{ input: index }] }, ours)
    const { rollout_id: id, attempt } = await parked
    const waiting = driver
      .post('/waits/rollouts', { rollout_ids: [id], timeout: 20 }, ours)
      .then(() => completions.push(performance.now() - start))
    await nextTimer(2)
    start = performance.now()
    await driver.post(`/rollouts/${id}/attempts/${attempt.attempt_id}`, { status: 'succeeded' }, ours)
    await waiting
  }
  return { pickups, completions }
}

/** What a thousand calls cost that wait for work, and get none. */
export const parkedCalls: Scenario = {
  name: 'parked-calls',
  title: '1,000 parked dequeues: memory and CPU of the server while nothing happens',
  run: async ({ isShort }) => {
    const count = 1000
    const seconds = isShort ? 2 : 5
    const driver = await openDriver('ours')
    await driver.post('/queues/rollouts/dequeue', { wait_seconds: 0 }, ours)
    const { rss: before } = await driver.child.call('memory', null)
    const parked = Array.from({ length: count }, (_, index) =>
      driver.post('/queues/rollouts/dequeue', { wait_seconds: 25, worker_id: `w${index}` }, ours),
    )
    await nextTimer(1500)
    const { rss: after } = await driver.child.call('memory', null)
    const cpu = await driver.child.call('cpu', null)
    await nextTimer(seconds * 1000)
    const percent = ((await driver.child.call('cpu', null)) - cpu) / seconds / 10_000
    await driver.post('/queues/rollouts/enqueue', { rollouts: Array.from({ length: count }, () => ({ input: 1 })) }, ours)
    await Promise.all(parked)
    await driver.close()
    return [
      {
        name: 'parked-calls-memory',
        unit: 'MiB RSS',
        better: 'lower',
        ours: spreadOf([(after - before) / 2 ** 20]),
        peer: null,
        target: atMost('value', 50),
        note: `${formatNumber(count)} parked, each on a connection of its own`,
      },
      {
        name: 'parked-calls-cpu',
        unit: '% of a core',
        better: 'lower',
        ours: spreadOf([percent]),
        peer: null,
        target: atMost('value', 1),
        note: `over ${seconds} s in which nothing happens`,
      },
    ]
  },
}
