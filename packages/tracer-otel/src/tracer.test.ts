import { setTimeout as sleep } from 'node:timers/promises'
import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore, NewSpan, Span, TracedAttempt } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { context, createContextKey, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { emitReward } from './emit.ts'
import { createAttemptSpanProcessor } from './processor.ts'
import { createOtelTracer, type OtelTracer } from './tracer.ts'

let store: LightningStore
let tracer: OtelTracer
beforeEach(() => {
  store = createMemoryStore()
  tracer = createOtelTracer()
})
afterEach(async () => {
  await tracer.close()
  await store.close()
})

async function newAttempt(): Promise<TracedAttempt> {
  const { rollout_id: rolloutId, attempt } = await store.startRollout({ rollout: { input: null } })
  return { rolloutId, attemptId: attempt.attempt_id, sink: store }
}
async function spansOf({ rolloutId }: TracedAttempt): Promise<readonly Span[]> {
  return (await store.querySpans({ rolloutId, sortBy: 'sequence_id' })).items
}
/** What an instrumented library does: it knows the OpenTelemetry API and nothing else. */
function step<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  return trace.getTracer('library').startActiveSpan(name, async (span) => {
    try {
      return await work()
    } finally {
      span.end()
    }
  })
}

describe('createOtelTracer', () => {
  it('has stored every ended span when trace settles, with parents and attributes', async () => {
    const attempt = await newAttempt()
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
    const [inner, outer] = await spansOf(attempt)
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
    const attempts = await Promise.all(Array.from({ length: 200 }, newAttempt))
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
      const spans = await spansOf(attempt)
      expect(spans.map(({ name }) => name).toSorted()).toEqual(
        [`a${index}`, `a${index}.1`, `a${index}.2`, 'agentlightning.annotation'].toSorted(),
      )
      expect(findFinalReward(spans)).toBe(index)
    }
  })

  it('rejects with the error of the work, and the spans are stored all the same', async () => {
    const attempt = await newAttempt()
    await expect(tracer.trace(attempt, () => step('doomed', () => Promise.reject(new Error('boom'))))).rejects.toThrow('boom')
    expect(await spansOf(attempt)).toHaveLength(1)
  })

  it('stores spans that end after the attempt', async () => {
    const attempt = await newAttempt()
    const late = Promise.withResolvers<void>()
    await tracer.trace(attempt, async () => {
      void step('late', () => late.promise)
    })
    expect(await spansOf(attempt)).toHaveLength(0)
    late.resolve()
    await vi.waitFor(async () => expect(await spansOf(attempt)).toHaveLength(1))
  })

  it('leaves no span out of a big trace and writes in batches', async () => {
    const attempt = await newAttempt()
    const batches: number[] = []
    const sink = {
      addManySpans(request: { readonly spans: readonly NewSpan[] }) {
        batches.push(request.spans.length)
        return store.addManySpans(request)
      },
    }
    await tracer.trace({ ...attempt, sink }, async () => {
      for (let index = 0; index < 200; index += 1) await step(`s${index}`, async () => {})
    })
    expect(await spansOf(attempt)).toHaveLength(200)
    expect(batches).toEqual([64, 64, 64, 8])
  })

  it("rejects with the work's own error when both fail", async () => {
    const attempt = await newAttempt()
    const sink = { addManySpans: () => Promise.reject(new Error('disk full')) }
    const work = () => step('s', () => Promise.reject(new Error('agent broke')))
    await expect(tracer.trace({ ...attempt, sink }, work)).rejects.toThrow('agent broke')
  })

  it("leaves a context manager of the program's own alone", async () => {
    const own = new AsyncLocalStorageContextManager().enable()
    context.setGlobalContextManager(own)
    await tracer.trace(await newAttempt(), async () => {})
    await tracer.close()
    const key = createContextKey('mine')
    expect(context.with(context.active().setValue(key, 1), () => context.active().getValue(key))).toBe(1)
    context.disable()
  })

  it('rejects when the store refuses spans, and says why', async () => {
    const attempt = await newAttempt()
    const sink = { addManySpans: () => Promise.reject(new Error('disk full')) }
    await expect(tracer.trace({ ...attempt, sink }, () => step('s', async () => {}))).rejects.toThrow(/refused 1 span.*disk full/)
  })

  it('ignores spans of code outside any attempt', async () => {
    const attempt = await newAttempt()
    await tracer.trace(attempt, async () => {})
    await step('elsewhere', async () => {})
    expect(await spansOf(attempt)).toHaveLength(0)
  })

  it('gives the global provider back when it closes', async () => {
    await tracer.trace(await newAttempt(), async () => {})
    expect(trace.getTracer('x').startSpan('y').isRecording()).toBe(true)
    await tracer.close()
    expect(trace.getTracer('x').startSpan('y').isRecording()).toBe(false)
    await expect(tracer.trace(await newAttempt(), async () => {})).rejects.toMatchObject({ code: 'closed' })
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
    const attempt = await newAttempt()
    await expect(tracer.trace(attempt, async () => {})).rejects.toThrow(/registerGlobally: false/)
    await using beside = createOtelTracer({ registerGlobally: false })
    await beside.trace(attempt, () => step('mine', async () => emitReward(1)))
    expect((await spansOf(attempt)).map(({ name }) => name)).toEqual(['agentlightning.annotation', 'mine'])
  })
})

describe('emitReward', () => {
  it('is not lost where the program samples or suppresses its own spans', async () => {
    const attempt = await newAttempt()
    const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: TraceFlags.NONE, isRemote: true }
    await tracer.trace(attempt, async () => {
      context.with(trace.setSpanContext(context.active(), remote), () => emitReward(1))
    })
    const [reward] = await spansOf(attempt)
    expect(reward).toMatchObject({
      parent_id: remote.spanId,
      trace_id: remote.traceId,
      attributes: { 'agentlightning.reward.0.value': 1 },
    })
  })

  it('refuses to be called outside a rollout', () => {
    expect(() => emitReward(1)).toThrow(/outside a rollout/)
  })

  it('hangs under the span it was called in', async () => {
    const attempt = await newAttempt()
    await tracer.trace(attempt, () => step('judge', async () => emitReward({ quality: 0.5, cost: 3 }, { primary: 'quality' })))
    const [reward, judge] = await spansOf(attempt)
    expect(reward).toMatchObject({ parent_id: judge!.span_id, attributes: { 'agentlightning.reward.0.name': 'quality' } })
  })
})
