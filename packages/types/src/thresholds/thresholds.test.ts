import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { Logger } from '../logger.ts'
import { type Metrics, noMetrics } from '../metrics.ts'
import { createThresholds, type ThresholdClock, type ThresholdEvent, type ThresholdRule } from './index.ts'

/** Time that is moved by hand; timers fire in order on the way. */
function manualClock(): ThresholdClock & { advance(ms: number): void; readonly timers: () => number } {
  let now = 1000
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>()
  return {
    now: () => now,
    schedule(delayMs, callback) {
      const timer = { at: now + delayMs, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms) {
      const end = now + ms
      for (;;) {
        const next = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        timers.delete(next)
        now = next.at
        next.callback()
      }
      now = end
    },
    timers: () => timers.size,
  }
}

function watch(...rules: readonly ThresholdRule[]) {
  const clock = manualClock()
  const events: string[] = []
  const note = ({ type, rule, labels, value }: ThresholdEvent): void => {
    events.push(`${type} ${rule}${Object.values(labels).join()} ${value}`)
  }
  const thresholds = createThresholds({ rules, clock, onBreach: note, onRecover: note })
  /** What has been told since the last look. */
  const told = async (): Promise<readonly string[]> => {
    await new Promise((resolve) => setImmediate(resolve))
    return events.splice(0)
  }
  return { clock, thresholds, told, metrics: thresholds.metrics }
}

describe('a gauge', () => {
  test('is told once when it has been beyond the limit for long enough, and once when it is back', async () => {
    const { metrics, clock, told, thresholds } = watch({ metric: 'running', above: 2, forMs: 1000 })
    const gauge = metrics.gauge({ name: 'running', help: '' })
    gauge.set(3)
    clock.advance(900)
    gauge.set(2)
    clock.advance(5000)
    expect(await told()).toEqual([])
    gauge.add(1)
    clock.advance(900)
    gauge.add(1)
    expect(await told()).toEqual([])
    clock.advance(100)
    gauge.add(5)
    clock.advance(60_000)
    expect(await told()).toEqual(['breach running 4'])
    expect(thresholds.breaches()).toHaveLength(1)
    gauge.add(-8)
    gauge.set(0)
    expect(await told()).toEqual(['recovery running 1'])
    expect(thresholds.breaches()).toEqual([])
    expect(clock.timers()).toBe(0)
  })

  test('counts series by series, and one that is removed is over', async () => {
    const { metrics, told } = watch({ metric: 'disk', below: 1, labels: { kind: 'a' } })
    const gauge = metrics.gauge({ name: 'disk', help: '', labels: ['kind', 'host'] })
    gauge.set(0, { kind: 'b', host: 'x' })
    gauge.set(0, { kind: 'a', host: 'x' })
    gauge.set(0, { host: 'y', kind: 'a' })
    expect(await told()).toEqual(['breach diska,x 0', 'breach disky,a 0'])
    gauge.remove({ kind: 'a', host: 'y' })
    expect(await told()).toEqual(['recovery disky,a null'])
  })
})

describe('a counter', () => {
  test('is held to how much it has grown within the window, all series together', async () => {
    const { metrics, clock, told } = watch({ metric: 'failures', above: 2, windowMs: 60_000, labels: { outcome: 'bad' } })
    const counter = metrics.counter({ name: 'failures', help: '', labels: ['outcome', 'mode'] })
    counter.add(9, { outcome: 'good', mode: 'x' })
    counter.add(1, { outcome: 'bad', mode: 'x' })
    counter.add(1, { outcome: 'bad', mode: 'y' })
    clock.advance(59_000)
    expect(await told()).toEqual([])
    counter.add(1, { outcome: 'bad', mode: 'x' })
    expect(await told()).toEqual(['breach failuresbad 3'])
    clock.advance(2000)
    expect(await told()).toEqual(['recovery failuresbad 1'])
  })

  test('that stands still is told after a whole window, without anybody counting', async () => {
    const { metrics, clock, told } = watch({ metric: 'done', below: 1, windowMs: 60_000 })
    const counter = metrics.counter({ name: 'done', help: '' })
    clock.advance(59_000)
    counter.add(1)
    clock.advance(59_000)
    expect(await told()).toEqual([])
    clock.advance(2000)
    expect(await told()).toEqual(['breach done 0'])
    counter.add(1)
    expect(await told()).toEqual(['recovery done 1'])
  })
})

test('a histogram is held to the mean or the most of what came within the window', async () => {
  const { metrics, clock, told } = watch(
    { name: 'mean', metric: 'latency', above: 1, windowMs: 10_000 },
    { name: 'most', metric: 'latency', above: 4, windowMs: 10_000, statistic: 'max' },
  )
  const histogram = metrics.histogram({ name: 'latency', help: '' })
  histogram.record(0.5)
  expect(await told()).toEqual([])
  clock.advance(5000)
  histogram.record(4.5)
  expect(await told()).toEqual(['breach mean 2.5', 'breach most 4.5'])
  clock.advance(10_000)
  expect(await told()).toEqual(['recovery mean null', 'recovery most null'])
})

test('an age is told when it comes of age, without polling, and again after the next mark', async () => {
  const { metrics, clock, told } = watch({ metric: 'heartbeat_age', above: 30 })
  const age = metrics.age({ name: 'heartbeat_age', help: '', labels: ['worker_id'] })
  age.mark({ worker_id: 'w' })
  clock.advance(29_000)
  age.mark({ worker_id: 'w' })
  clock.advance(29_000)
  expect(await told()).toEqual([])
  expect(clock.timers()).toBe(1)
  clock.advance(1500)
  expect(await told()).toEqual(['breach heartbeat_agew 30.001'])
  age.mark({ worker_id: 'w' })
  expect(await told()).toEqual(['recovery heartbeat_agew 0'])
  age.remove({ worker_id: 'w' })
  clock.advance(100_000)
  expect(await told()).toEqual([])
})

test('hooks that fail, or count themselves, disturb nobody; what goes on is waited for', async () => {
  const warned: unknown[] = []
  const logger: Logger = { debug() {}, info() {}, error() {}, warn: (...line) => void warned.push(line) }
  let isTold = false
  let again = 0
  const thresholds = createThresholds({
    logger,
    rules: [
      {
        name: 'first',
        metric: 'a',
        above: 0,
        onBreach() {
          again += 1
          counter.add(1)
          throw new Error('sync')
        },
      },
      { name: 'second', metric: 'a', above: 0, onBreach: () => Promise.reject(new Error('async')) },
      { name: 'idle', metric: 'nobody_counts_this', above: 0 },
    ],
    async onBreach() {
      await new Promise((resolve) => setImmediate(resolve))
      isTold = true
    },
  })
  const counter = thresholds.metrics.counter({ name: 'a', help: '' })
  counter.add(1)
  await thresholds.close()
  expect(isTold).toBe(true)
  expect(again).toBe(1)
  const failed = 'What is told of a threshold failed'
  expect(warned).toContainEqual([failed, { component: 'thresholds', rule: 'first', error: 'sync' }])
  expect(warned).toContainEqual([failed, { component: 'thresholds', rule: 'second', error: 'async' }])
  expect(warned).toContainEqual([expect.stringContaining('about nothing'), expect.objectContaining({ rule: 'idle' })])
})

test('a webhook is posted the breach', async () => {
  const bodies: unknown[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += String(chunk)))
    request.on('end', () => {
      bodies.push([request.headers['content-type'], JSON.parse(body)])
      response.writeHead(bodies.length === 1 ? 204 : 500).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const warned: string[] = []
  const logger: Logger = { debug() {}, info() {}, error() {}, warn: (message) => void warned.push(message) }
  const webhook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`
  const thresholds = createThresholds({ rules: [{ metric: 'a', above: 1, webhook }], logger })
  thresholds.metrics.gauge({ name: 'a', help: '' }).set(2)
  await thresholds.close()
  server.closeAllConnections()
  server.close()
  const facts = { rule: 'a', metric: 'a', labels: {}, limit: 1, since: expect.any(Number) }
  expect(bodies).toEqual([
    ['application/json', { type: 'breach', value: 2, ...facts }],
    ['application/json', { type: 'recovery', value: null, ...facts }],
  ])
  expect(warned).toContain('What is told of a threshold failed')
})

test('what is counted is passed on, and metrics without a rule are not touched', () => {
  const names: string[] = []
  const inner: Metrics & { read(): string } = {
    ...noMetrics,
    counter: ({ name }) => ({ add: () => void names.push(name) }),
    read: () => 'text',
  }
  const { metrics } = createThresholds({ metrics: inner, rules: [{ metric: 'a', above: 100 }] })
  metrics.counter({ name: 'a', help: '' }).add(1)
  metrics.counter({ name: 'b', help: '' }).add(1)
  expect(names).toEqual(['a', 'b'])
  expect(metrics.read()).toBe('text')
})

test.each([
  [{ metric: 'a' }, /either above or below/],
  [{ metric: 'a', above: 1, below: 0 }, /either above or below/],
  [{ metric: 'a b', above: 1 }, /name of a metric/],
  [{ metric: 'a', above: 1, formMs: 3 }, /formMs/],
])('the rule %j is refused', (rule, text) => {
  expect(() => createThresholds({ rules: [rule] })).toThrow(text)
})
