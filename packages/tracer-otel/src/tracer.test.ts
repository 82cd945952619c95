import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NewSpan } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { context, createContextKey, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { AlwaysOffSampler, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { emitReward } from './emit.ts'
import { createAttemptSpanProcessor } from './processor.ts'
import { createAttemptSampler } from './sampler.ts'
import { createOtelTracer, type OtelTracer } from './tracer.ts'
import { createTracedStore, step, type TracedStore } from './tracer.test-support.ts'

let traced: TracedStore
let tracer: OtelTracer
beforeEach(() => {
  traced = createTracedStore()
  tracer = createOtelTracer()
})
afterEach(async () => {
  await tracer.close()
  await traced.store.close()
})

describe('createOtelTracer', () => {
  it('has stored every ended span when trace settles, with parents and attributes', async () => {
    const attempt = await traced.newAttempt()
    const result = await tracer.trace(attempt, async () =>
      step('outer', async () => {
        await step('inner', async () => {
          trace
            .getActiveSpan()!
            .setAttributes({ tokens: [1, 2], mixed: [1, null] as never })
            .addEvent('half', { at: 1 })
          trace.getActiveSpan()!.setStatus({ code: SpanStatusCode.ERROR, message: 'bad' })
        })
        return 42
      }),
    )
    expect(result).toBe(42)
    const [inner, outer] = await traced.spansOf(attempt)
    expect(inner).toMatchObject({
      name: 'inner',
      parent_id: outer!.span_id,
      trace_id: outer!.trace_id,
      attributes: { tokens: [1, 2] },
      status: { status_code: 'ERROR', description: 'bad' },
      events: [{ name: 'half', attributes: { at: 1 } }],
    })
    expect(outer).toMatchObject({
      name: 'outer',
      parent_id: null,
      resource: { attributes: { 'agentlightning.rollout_id': attempt.rolloutId } },
    })
    expect(outer!.start_time!).toBeLessThanOrEqual(inner!.start_time!)
    expect(Math.abs(outer!.end_time! - Date.now() / 1000)).toBeLessThan(5)
  })

  it('keeps 200 concurrent attempts apart through nesting, timers and rejected promises', async () => {
    const attempts = await Promise.all(Array.from({ length: 200 }, traced.newAttempt))
    await Promise.allSettled(
      attempts.map((attempt, index) =>
        tracer.trace(attempt, async () => {
          await step(`a${index}`, async () => {
            await sleep(Math.random() * 10)
            await Promise.all([1, 2].map((child) => step(`a${index}.${child}`, () => sleep(Math.random() * 5))))
            await new Promise<void>((resolve) => {
              setTimeout(() => {
                emitReward(index)
                resolve()
              }, 1)
            })
          })
          if (index % 3 === 0) throw new Error('agent failed')
        }),
      ),
    )
    for (const [index, attempt] of attempts.entries()) {
      const spans = await traced.spansOf(attempt)
      expect(spans.map(({ name }) => name).toSorted()).toEqual(
        [`a${index}`, `a${index}.1`, `a${index}.2`, 'agentlightning.annotation'].toSorted(),
      )
      expect(findFinalReward(spans)).toBe(index)
    }
  })

  it('rejects with the error of the work, and the spans are stored all the same', async () => {
    const attempt = await traced.newAttempt()
    await expect(tracer.trace(attempt, () => step('doomed', () => Promise.reject(new Error('boom'))))).rejects.toThrow('boom')
    expect(await traced.spansOf(attempt)).toHaveLength(1)
  })

  it('stores spans that end after the attempt', async () => {
    const attempt = await traced.newAttempt()
    const late = Promise.withResolvers<void>()
    await tracer.trace(attempt, async () => {
      void step('late', () => late.promise)
    })
    expect(await traced.spansOf(attempt)).toHaveLength(0)
    late.resolve()
    await vi.waitFor(async () => expect(await traced.spansOf(attempt)).toHaveLength(1))
  })

  it('leaves no span out of a big trace and writes in batches', async () => {
    const attempt = await traced.newAttempt()
    const batches: number[] = []
    const sink = {
      addManySpans(request: { readonly spans: readonly NewSpan[] }) {
        batches.push(request.spans.length)
        return traced.store.addManySpans(request)
      },
    }
    await tracer.trace({ ...attempt, sink }, async () => {
      for (let index = 0; index < 200; index += 1) await step(`s${index}`, async () => {})
    })
    expect(await traced.spansOf(attempt)).toHaveLength(200)
    expect(batches).toEqual([64, 64, 64, 8])
  })

  it("rejects with the work's own error when both fail", async () => {
    const attempt = await traced.newAttempt()
    const sink = { addManySpans: () => Promise.reject(new Error('disk full')) }
    const work = () => step('s', () => Promise.reject(new Error('agent broke')))
    await expect(tracer.trace({ ...attempt, sink }, work)).rejects.toThrow('agent broke')
  })

  it("leaves a context manager of the program's own alone", async () => {
    const own = new AsyncLocalStorageContextManager().enable()
    context.setGlobalContextManager(own)
    await tracer.trace(await traced.newAttempt(), async () => {})
    await tracer.close()
    const key = createContextKey('mine')
    expect(context.with(context.active().setValue(key, 1), () => context.active().getValue(key))).toBe(1)
    context.disable()
  })

  it('rejects when the store refuses spans, and says why', async () => {
    const attempt = await traced.newAttempt()
    const sink = { addManySpans: () => Promise.reject(new Error('disk full')) }
    await expect(tracer.trace({ ...attempt, sink }, () => step('s', async () => {}))).rejects.toThrow(/refused 1 span.*disk full/)
  })

  it('ignores spans of code outside any attempt', async () => {
    const attempt = await traced.newAttempt()
    await tracer.trace(attempt, async () => {})
    await step('elsewhere', async () => {})
    expect(await traced.spansOf(attempt)).toHaveLength(0)
  })

  it('gives the global provider back when it closes', async () => {
    await tracer.trace(await traced.newAttempt(), async () => {})
    expect(trace.getTracer('x').startSpan('y').isRecording()).toBe(true)
    await tracer.close()
    expect(trace.getTracer('x').startSpan('y').isRecording()).toBe(false)
    await expect(tracer.trace(await traced.newAttempt(), async () => {})).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('attribution', () => {
  it('follows streams, event emitters, microtasks and work that nobody waits for', async () => {
    const attempts = await Promise.all(Array.from({ length: 200 }, traced.newAttempt))
    await Promise.all(
      attempts.map((attempt, index) =>
        tracer.trace(attempt, async () => {
          const events = new EventEmitter()
          const heard = new Promise<void>((resolve) => events.once('go', () => resolve(step(`heard ${index}`, async () => {}))))
          const stream = Readable.from(['a', 'b', 'c'])
          for await (const chunk of stream) await step(`chunk ${chunk} ${index}`, () => sleep(Math.random() * 3))
          queueMicrotask(() => events.emit('go'))
          await heard
          void step(`unawaited ${index}`, () => sleep(1))
          await Promise.reject(new Error('tool failed')).catch(() => step(`caught ${index}`, async () => {}))
          emitReward(index)
        }),
      ),
    )
    for (const [index, attempt] of attempts.entries()) {
      const expected = ['chunk a', 'chunk b', 'chunk c', 'heard', 'caught', 'unawaited'].map((name) => `${name} ${index}`)
      await vi.waitFor(async () => expect(await traced.spansOf(attempt)).toHaveLength(7))
      const spans = await traced.spansOf(attempt)
      expect(spans.map(({ name }) => name).toSorted()).toEqual([...expected, 'agentlightning.annotation'].toSorted())
      expect(findFinalReward(spans)).toBe(index)
    }
  })

  it('gives an attempt inside another its own spans', async () => {
    const [outer, inner] = [await traced.newAttempt(), await traced.newAttempt()]
    await tracer.trace(outer, () =>
      step('outer', async () => {
        await tracer.trace(inner, () => step('inner', async () => emitReward(1)))
        emitReward(2)
      }),
    )
    const spans = await traced.spansOf(inner)
    expect(spans.map(({ name }) => name)).toEqual(['agentlightning.annotation', 'inner'])
    expect(spans[1]!.parent_id).toBeNull()
    expect(findFinalReward(await traced.spansOf(outer))).toBe(2)
  })

  it('believes the context that a library kept, not the queue that happens to run the work', async () => {
    const [mine, other] = [await traced.newAttempt(), await traced.newAttempt()]
    let kept = context.active()
    let parent = trace.getTracer('x').startSpan('none')
    await tracer.trace(mine, async () => {
      kept = context.active()
      parent = trace.getTracer('library').startSpan('parent')
    })
    await tracer.trace(other, async () => {
      trace.getTracer('library').startSpan('by context', {}, kept).end()
      trace.getTracer('library').startSpan('by parent', {}, trace.setSpan(ROOT_CONTEXT, parent)).end()
      parent.end()
    })
    await vi.waitFor(async () => expect(await traced.spansOf(mine)).toHaveLength(3))
    expect(await traced.spansOf(other)).toHaveLength(0)
  })

  it('puts all of an attempt into one trace', async () => {
    const attempt = await traced.newAttempt()
    await tracer.trace(attempt, async () => {
      await step('a', async () => emitReward(1))
      await step('b', async () => {})
      emitReward(2)
    })
    const spans = await traced.spansOf(attempt)
    expect(new Set(spans.map(({ trace_id }) => trace_id)).size).toBe(1)
    expect(spans).toHaveLength(4)
  })
})

describe('beside a provider of your own', () => {
  afterEach(() => {
    trace.disable()
    context.disable()
  })

  it('records through the processor, and refuses to take the provider away', async () => {
    const own = new TracerProvider({ spanProcessors: [createAttemptSpanProcessor()] })
    trace.setGlobalTracerProvider(own)
    const attempt = await traced.newAttempt()
    await expect(tracer.trace(attempt, async () => {})).rejects.toThrow(/registerGlobally: false/)
    await using beside = createOtelTracer({ registerGlobally: false })
    await beside.trace(attempt, () => step('mine', async () => emitReward(1)))
    const spans = await traced.spansOf(attempt)
    expect(spans.map(({ name }) => name)).toEqual(['agentlightning.annotation', 'mine'])
    expect(spans[1]!.attributes).toMatchObject({ 'agentlightning.attempt_id': attempt.attemptId })
  })

  it('records what its sampler leaves out, inside a rollout only, and exports no more of it elsewhere', async () => {
    const elsewhere = new InMemorySpanExporter()
    const own = new TracerProvider({
      sampler: createAttemptSampler(new AlwaysOffSampler()),
      spanProcessors: [createAttemptSpanProcessor(), new SimpleSpanProcessor({ exporter: elsewhere })],
    })
    trace.setGlobalTracerProvider(own)
    await using beside = createOtelTracer({ registerGlobally: false })
    const attempt = await traced.newAttempt()
    await beside.trace(attempt, () => step('outer', () => step('inner', async () => {})))
    expect((await traced.spansOf(attempt)).map(({ name }) => name)).toEqual(['inner', 'outer'])
    expect(trace.getTracer('x').startSpan('outside').isRecording()).toBe(false)
    expect(elsewhere.getFinishedSpans()).toEqual([])
  })
})
