import { setTimeout as sleep } from 'node:timers/promises'
import { createPrometheusMetrics } from '@agl/store-http/metrics'
import { AglError, type LightningStore, type NewSpan, noMetrics, silentLogger } from '@agl/types'
import { buildSpan } from '@agl/types/spans'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTracerMeasures } from './measures.ts'
import { createSpanBudget } from './budget.ts'
import { createSpanBuffer, type SpanBuffer } from './buffer.ts'
import { emitMessage, emitReward } from './emit.ts'
import { createOtelTracer } from './tracer.ts'
import { createTracedStore, type TracedStore } from './tracer.test-support.ts'

const ids = { rolloutId: 'ro-1', attemptId: 'at-1' }
const spanOf = (name: string): NewSpan => buildSpan({ ...ids, name, attributes: {}, startTime: 1, endTime: 2 })

/** A sink whose writes end when the test says so. */
function createHeldSink() {
  const batches: (readonly string[])[] = []
  let held: PromiseWithResolvers<void> | null = null
  return {
    batches,
    hold: () => (held = Promise.withResolvers<void>()),
    async addManySpans({ spans }: { readonly spans: readonly NewSpan[] }) {
      batches.push(spans.map(({ name }) => name))
      await held?.promise
      return []
    },
  }
}

describe('the buffer', () => {
  const writes = new Set<Promise<void>>()
  let sink: ReturnType<typeof createHeldSink>
  let buffer: SpanBuffer
  beforeEach(() => {
    sink = createHeldSink()
    const budget = createSpanBudget(100_000)
    buffer = createSpanBuffer(
      { ...ids, sink: sink as unknown as LightningStore },
      { budget, writes, flushDelayMs: 10, logger: silentLogger, measures: createTracerMeasures(noMetrics) },
    )
  })

  it('writes what waits after a while, so that a long attempt can be watched', async () => {
    buffer.record(spanOf('a'))
    buffer.record(spanOf('b'))
    expect(sink.batches).toEqual([])
    await vi.waitFor(() => expect(sink.batches).toEqual([['a', 'b']]))
    await Promise.all(writes)
  })

  it('writes one batch at a time, in order; what comes meanwhile goes together', async () => {
    const { resolve } = sink.hold()
    buffer.record(spanOf('a'))
    const flushed = buffer.flush()
    buffer.record(spanOf('b'))
    buffer.record(spanOf('c'))
    await Promise.resolve()
    expect(sink.batches).toEqual([['a']])
    resolve()
    await flushed
    expect(sink.batches).toEqual([['a'], ['b', 'c']])
    expect(writes.size).toBe(0)
  })

  it('refuses beyond its memory, gives it back after the write, and says which attempt lost something', async () => {
    const { resolve } = sink.hold()
    for (let index = 0; index < 200; index++) buffer.record(spanOf(`s${index}`))
    const flushed = buffer.flush()
    resolve()
    const error = await flushed.then(
      () => null,
      (thrown: unknown) => thrown,
    )
    expect(AglError.isInstance(error) && [error.code, error.isRetryable]).toEqual(['storage_full', true])
    buffer.record(spanOf('later'))
    await buffer.flush()
    expect(sink.batches.flat().at(-1)).toBe('later')
    expect(sink.batches.flat().length).toBeLessThan(200)
  })
})

describe('the budget', () => {
  it('asks to wait from half on, until it is at half again', async () => {
    const budget = createSpanBudget(100)
    expect(budget.take(50)).toBe(true)
    expect(budget.room()).toBeNull()
    expect(budget.take(20)).toBe(true)
    let hasRoom = false
    const room = budget.room()!.then(() => (hasRoom = true))
    expect(budget.take(40)).toBe(false)
    budget.give(10)
    await Promise.resolve()
    expect(hasRoom).toBe(false)
    budget.give(10)
    await room
    expect(budget.room()).toBeNull()
  })
})

describe('back-pressure of a tracer', () => {
  let traced: TracedStore
  beforeEach(() => {
    traced = createTracedStore()
  })
  afterEach(() => traced.store.close())

  it('lets no attempt begin while the store is far behind', async () => {
    await using tracer = createOtelTracer({ registerGlobally: false, maxQueuedBytes: 1024 * 1024 })
    const first = await traced.newAttempt()
    const held = Promise.withResolvers<void>()
    const sink = {
      async addManySpans(request: { readonly spans: readonly NewSpan[] }) {
        await held.promise
        return await traced.store.addManySpans(request)
      },
    }
    let begun = false
    const filling = tracer.trace({ ...first, sink }, async () => {
      for (let index = 0; index < 6; index++) emitMessage('x'.repeat(100_000))
    })
    const next = tracer.trace(await traced.newAttempt(), async () => {
      begun = true
      emitReward(1)
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(begun).toBe(false)
    held.resolve()
    await Promise.all([filling, next])
    expect(begun).toBe(true)
    expect(await traced.spansOf(first)).toHaveLength(6)
  })

  it('fails an attempt whose spans do not fit, instead of storing a part as if it were all', async () => {
    const metrics = createPrometheusMetrics()
    await using tracer = createOtelTracer({ registerGlobally: false, maxQueuedBytes: 1024 * 1024, metrics })
    const attempt = await traced.newAttempt()
    const flood = tracer.trace(attempt, async () => {
      for (let index = 0; index < 20; index++) emitMessage('x'.repeat(100_000))
    })
    await expect(flood).rejects.toMatchObject({ code: 'storage_full' })
    const { text } = await metrics.read()
    const refused = Number(/^agl_tracer_spans_refused_total{reason="no_room"} (\d+)$/m.exec(text)?.[1])
    expect(refused).toBeGreaterThan(0)
    expect(text).toContain(`agl_tracer_spans_total ${20 - refused}\n`)
  })

  it('stores what late spans bring before it closes', async () => {
    const tracer = createOtelTracer({ registerGlobally: false })
    const attempt = await traced.newAttempt()
    const sink = {
      async addManySpans(request: { readonly spans: readonly NewSpan[] }) {
        await sleep(20)
        return await traced.store.addManySpans(request)
      },
    }
    let late: (() => void) | undefined
    await tracer.trace({ ...attempt, sink }, async (emit) => {
      late = () => emit.message('late')
    })
    late!()
    await tracer.close()
    expect(await traced.spansOf(attempt)).toHaveLength(1)
  })
})
