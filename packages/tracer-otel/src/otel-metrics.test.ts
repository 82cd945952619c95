import { setTimeout as sleep } from 'node:timers/promises'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { expect, onTestFinished, test } from 'vitest'
import { createOtelMetrics } from './otel-metrics.ts'

function collect() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({ readers: [reader] })
  onTestFinished(() => provider.shutdown())
  /** Metric → its series, as they are now. */
  async function read() {
    exporter.reset()
    await provider.forceFlush()
    const found = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
    return new Map(
      found.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        dataPoints.map(({ attributes, value }) => ({ labels: attributes, value: value as number & { count: number } })),
      ]),
    )
  }
  return { metrics: createOtelMetrics(provider.getMeter('test')), read }
}

test('what is counted is what OpenTelemetry reads, whoever asks for the metric', async () => {
  const { metrics, read } = collect()
  for (const kind of ['x', 'x', 'y']) metrics.counter({ name: 'a_total', help: 'a', labels: ['kind'] }).add(2, { kind })
  metrics.histogram({ name: 'b', help: 'b' }).record(3)
  const gauge = metrics.gauge({ name: 'c', help: 'c', labels: ['m', 'n'] })
  gauge.set(5, { m: '1', n: '2' })
  metrics.gauge({ name: 'c', help: 'c', labels: ['m', 'n'] }).add(-2, { n: '2', m: '1' })
  const found = await read()
  expect(found.get('a_total')).toEqual([
    { labels: { kind: 'x' }, value: 4 },
    { labels: { kind: 'y' }, value: 2 },
  ])
  expect(found.get('b')).toMatchObject([{ value: { count: 1 } }])
  expect(found.get('c')).toEqual([{ labels: expect.objectContaining({ m: '1', n: '2' }), value: 3 }])
})

test('an age grows until it is marked again, and what is removed is not read any more', async () => {
  const { metrics, read } = collect()
  const age = metrics.age({ name: 'age', help: 'age', labels: ['worker_id'] })
  const gauge = metrics.gauge({ name: 'running', help: 'running' })
  age.mark({ worker_id: 'w' })
  gauge.set(1)
  await sleep(30)
  const grown = (await read()).get('age')![0]!.value
  expect(grown).toBeGreaterThan(0.02)
  age.mark({ worker_id: 'w' })
  expect((await read()).get('age')![0]!.value).toBeLessThan(grown)
  age.remove({ worker_id: 'w' })
  gauge.remove()
  const left = await read()
  expect([left.get('age') ?? [], left.get('running') ?? []]).toEqual([[], []])
})
