import { createPrometheusMetrics } from '@agl/store-http/metrics'
import { expect, test, vi } from 'vitest'
import { forwardMetrics, replayMetrics } from './forward-metrics.ts'

/** A child and its parent, with JSON in between as on their channel. */
function pair(metrics = createPrometheusMetrics()) {
  const replay = replayMetrics(metrics)
  const batches: number[] = []
  const child = forwardMetrics((batch) => {
    batches.push(batch.updates.length)
    const { definitions, updates } = JSON.parse(JSON.stringify(batch)) as typeof batch
    replay.replay(definitions, updates)
  })
  const lines = async (): Promise<readonly string[]> =>
    (await metrics.read()).text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket'))
  return { child, replay, batches, lines, metrics }
}

test('all that a child counts arrives, in batches, beside what the other children count', async () => {
  const one = pair()
  const two = pair(one.metrics)
  for (const { child } of [one, two]) {
    const counter = child.counter({ name: 'a_total', help: 'a', labels: ['kind'] })
    counter.add(1, { kind: 'x' })
    child.counter({ name: 'a_total', help: 'a', labels: ['kind'] }).add(2, { kind: 'x' })
    const gauge = child.gauge({ name: 'b', help: 'b' })
    gauge.set(5)
    gauge.set(3)
    gauge.add(1)
    child.histogram({ name: 'c', help: 'c', buckets: [1] }).record(2)
    child.flush()
  }
  expect(one.batches).toEqual([6])
  expect(await one.lines()).toEqual(['a_total{kind="x"} 6', 'b 8', 'c_sum 4', 'c_count 2'])
  one.child.counter({ name: 'd_total', help: 'd' }).add(1)
  await vi.waitFor(async () => expect(await one.lines()).toContain('d_total 1'))
})

test('what a child that is gone was just doing is over; what it has done stays', async () => {
  const { child, replay, lines } = pair()
  child.counter({ name: 'a_total', help: 'a' }).add(1)
  const gauge = child.gauge({ name: 'b', help: 'b', labels: ['kind'] })
  gauge.add(2, { kind: 'x' })
  gauge.add(1, { kind: 'y' })
  gauge.remove({ kind: 'y' })
  child.age({ name: 'age', help: 'age', labels: ['id'] }).mark({ id: 'w' })
  child.flush()
  expect((await lines()).map((line) => line.split(' ')[0])).toEqual(['a_total', 'b{kind="x"}', 'b{kind="y"}', 'age{id="w"}'])
  replay.end()
  expect(await lines()).toEqual(['a_total 1', 'b{kind="x"} 0', 'b{kind="y"} 0'])
})
