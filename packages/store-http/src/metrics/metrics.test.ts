import { setTimeout as sleep } from 'node:timers/promises'
import { createMemoryStore } from '@agl/store-memory'
import { describe, expect, test } from 'vitest'
import { createStoreServer } from '../server/index.ts'
import { createPrometheusMetrics, serveMetrics } from './index.ts'

async function lineOf(metrics: ReturnType<typeof createPrometheusMetrics>, start: string): Promise<number | null> {
  const line = (await metrics.read()).text.split('\n').find((text) => text.startsWith(`${start} `))
  return line === undefined ? null : Number(line.slice(start.length + 1))
}

describe('Prometheus metrics', () => {
  test('count, spread, rise and fall', async () => {
    const metrics = createPrometheusMetrics()
    const counter = metrics.counter({ name: 'a_total', help: 'a', labels: ['kind'] })
    counter.add(2, { kind: 'x' })
    // Whoever asks again gets the same one.
    metrics.counter({ name: 'a_total', help: 'a', labels: ['kind'] }).add(1, { kind: 'x' })
    const gauge = metrics.gauge({ name: 'b', help: 'b' })
    gauge.set(5)
    gauge.add(-2)
    metrics.histogram({ name: 'c', help: 'c', buckets: [1, 10] }).record(3)
    expect(await lineOf(metrics, 'a_total{kind="x"}')).toBe(3)
    expect(await lineOf(metrics, 'b')).toBe(3)
    expect(await lineOf(metrics, 'c_bucket{le="1"}')).toBe(0)
    expect(await lineOf(metrics, 'c_bucket{le="10"}')).toBe(1)
  })

  test('an age grows by itself, starts again when it is marked, and is forgotten', async () => {
    const metrics = createPrometheusMetrics()
    const age = metrics.age({ name: 'd', help: 'd', labels: ['id'] })
    age.mark({ id: 'w' })
    await sleep(30)
    const grown = await lineOf(metrics, 'd{id="w"}')
    expect(grown).toBeGreaterThan(0.02)
    age.mark({ id: 'w' })
    expect(await lineOf(metrics, 'd{id="w"}')).toBeLessThan(grown!)
    age.remove({ id: 'w' })
    expect(await lineOf(metrics, 'd{id="w"}')).toBeNull()
  })

  test('one name for two things is refused', () => {
    const metrics = createPrometheusMetrics()
    metrics.counter({ name: 'a', help: 'a' })
    expect(() => metrics.gauge({ name: 'a', help: 'a' })).toThrow(/metric a is there already/)
    expect(() => metrics.counter({ name: 'a', help: 'a', labels: ['x'] })).toThrow(/name of its own/)
  })
})

test('metrics of a process are served to a scraper, and nothing else is', async () => {
  const metrics = createPrometheusMetrics()
  metrics.counter({ name: 'a_total', help: 'a' }).add(1)
  await using server = await serveMetrics({ metrics })
  const reply = await fetch(server.url)
  expect(reply.headers.get('content-type')).toContain('text/plain')
  expect(await reply.text()).toContain('a_total 1')
  expect((await fetch(new URL('/v1/prometheus', server.url))).status).toBe(200)
  expect((await fetch(new URL('/', server.url))).status).toBe(404)
  expect((await fetch(server.url, { method: 'POST' })).status).toBe(404)
  const port = Number(new URL(server.url).port)
  await expect(serveMetrics({ metrics, port })).rejects.toThrow(/Choose another port/)
})

test('a store server tells what others of its process count, and of its workers', async () => {
  const metrics = createPrometheusMetrics()
  metrics.counter({ name: 'mine_total', help: 'mine' }).add(7)
  await using store = createMemoryStore()
  await using server = createStoreServer({ store, port: 0, metrics })
  const { url } = await server.start()
  await store.updateWorker({ workerId: 'idle' })
  await store.enqueueRollout({ input: 1 })
  await store.dequeueRollout({ workerId: 'busy', leaseMs: 60_000 })
  await store.heartbeat({ workerId: 'busy', attempts: [] })
  await sleep(30)
  const text = await (await fetch(`${url}/v1/prometheus`)).text()
  expect(text).toContain('mine_total 7')
  expect(text).toContain('agl_workers{status="busy"} 1')
  expect(Number(/^agl_workers_heartbeat_age_seconds (.*)$/m.exec(text)?.[1])).toBeGreaterThan(0.02)
})
