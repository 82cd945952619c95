import { findRewards, readLinks, readMessage, readObject, queryLinkedSpans } from '@agl/types/spans'
import { context, trace, TraceFlags } from '@opentelemetry/api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDummyTracer, type DummyTracer } from './dummy-tracer.ts'
import { asOperation, emitAnnotation, emitException, emitMessage, emitObject, emitReward, operation } from './emit.ts'
import { step } from './tracer.test-support.ts'

let tracer: DummyTracer
beforeEach(() => {
  tracer = createDummyTracer({ registerGlobally: true })
})
afterEach(async () => {
  await tracer.close()
})

const named = (name: string) =>
  tracer.spans.find((span) => span.attributes['agentlightning.operation.name'] === name || span.name === name)!

describe('emitters', () => {
  it('write into the rollout that the calling code belongs to, and readers read it back', async () => {
    await tracer.run(async () => {
      emitMessage('hello')
      emitObject({ cart: ['lamp'] })
      emitAnnotation({ checked: true })
      emitException(new Error('lost'))
      emitReward({ quality: 1, cost: 3 }, { primary: 'quality', links: { span_id: 'abc' } })
    })
    const { spans } = tracer
    expect(spans.map(readMessage).filter(Boolean)).toEqual(['hello'])
    expect(spans.map(readObject).filter(Boolean)).toEqual([{ cart: ['lamp'] }])
    expect(spans[2]!.attributes).toEqual({ checked: true })
    expect(spans[3]!.attributes['exception.message']).toBe('lost')
    expect(findRewards(spans)[0]!.dimensions).toEqual([
      { name: 'quality', value: 1 },
      { name: 'cost', value: 3 },
    ])
    expect(spans.every(({ rollout_id }) => rollout_id === 'rollout-dummy')).toBe(true)
  })

  it('hang under the span they were called in', async () => {
    await tracer.run(() => step('judge', async () => emitReward(0.5)))
    const [reward, judge] = tracer.spans
    expect(reward).toMatchObject({ parent_id: judge!.span_id, trace_id: judge!.trace_id })
  })

  it('are not lost where the program samples or suppresses its own spans', async () => {
    const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: TraceFlags.NONE, isRemote: true }
    await tracer.run(async () => {
      context.with(trace.setSpanContext(context.active(), remote), () => emitReward(1))
    })
    expect(tracer.spans[0]).toMatchObject({ parent_id: remote.spanId, trace_id: remote.traceId, parent: { is_remote: true } })
  })

  it('never come before the end of the call they are about', async () => {
    await tracer.run(async () => {
      for (let round = 0; round < 50; round++) {
        await step('call', async () => {})
        emitReward(round)
      }
    })
    for (let index = 1; index < tracer.spans.length; index += 2) {
      expect(tracer.spans[index]!.start_time!).toBeGreaterThanOrEqual(tracer.spans[index - 1]!.end_time!)
    }
  })

  it('refuse to be called outside a rollout, or are ignored there when told to', () => {
    expect(() => emitReward(1)).toThrow(/emitReward was called outside a rollout/)
    expect(() => emitMessage('x')).toThrow(/outside: "ignore"/)
    emitReward(1, { outside: 'ignore' })
    emitMessage('x', { outside: 'ignore' })
    // What would fail inside fails outside too, or it would first be seen in production.
    expect(() => emitReward(Number.NaN, { outside: 'ignore' })).toThrow(/finite/)
  })
})

describe('operation', () => {
  it('is the parent of everything recorded inside, instrumented or by hand', async () => {
    await tracer.run(async () =>
      operation('plan', async (scope) => {
        scope.setInput({ goal: 'lamp' })
        await step('library call', async () => emitMessage('thinking'))
        await operation('sub', async () => emitReward(1))
        scope.setOutput('done')
      }),
    )
    const [plan, sub, call] = [named('plan'), named('sub'), named('library call')]
    expect(plan).toMatchObject({
      parent_id: null,
      attributes: { 'agentlightning.operation.input.goal': 'lamp', 'agentlightning.operation.output': 'done' },
    })
    expect(call).toMatchObject({ parent_id: plan.span_id, trace_id: plan.trace_id })
    expect(sub.parent_id).toBe(plan.span_id)
    expect(named('agentlightning.message').parent_id).toBe(call.span_id)
    expect(named('agentlightning.annotation').parent_id).toBe(sub.span_id)
    expect(plan.start_time!).toBeLessThanOrEqual(call.start_time!)
    expect(plan.end_time!).toBeGreaterThanOrEqual(call.end_time!)
  })

  it('is found by a link from a reward', async () => {
    await tracer.run(async () => {
      await operation('answer', async () => {})
      emitReward(1, { links: { 'agentlightning.operation.name': 'answer' } })
    })
    const reward = tracer.spans.at(-1)!
    expect(queryLinkedSpans(tracer.spans, readLinks(reward))).toEqual([named('answer')])
  })

  it('records what fails, and runs unrecorded outside when told to', async () => {
    await tracer.run(async () => {
      await expect(operation('doomed', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    })
    expect(named('doomed').status).toEqual({ status_code: 'ERROR', description: 'no' })
    expect(() => operation('x', () => 1)).toThrow(/outside a rollout/)
    expect(operation({ name: 'x', outside: 'ignore' }, (scope) => (scope.setInput(1), 5))).toBe(5)
  })
})

describe('asOperation', () => {
  const search = asOperation(async function search(query: string, { limit }: { limit: number }) {
    return [query, String(limit)]
  })

  it('records arguments and result of each call, made where it may', async () => {
    expect(await search('outside', { limit: 1 })).toEqual(['outside', '1'])
    await tracer.run(async () => {
      await search('lamp', { limit: 2 })
    })
    expect(tracer.spans.map(({ attributes }) => attributes)).toEqual([
      {
        'agentlightning.operation.name': 'search',
        'agentlightning.operation.input.args.0': 'lamp',
        'agentlightning.operation.input.args.1.limit': 2,
        'agentlightning.operation.output': ['lamp', '2'],
      },
    ])
  })

  it('keeps functions that answer at once as they are', async () => {
    const add = asOperation((a: number, b: number) => a + b, { name: 'add' })
    await tracer.run(async () => {
      expect(add(1, 2)).toBe(3)
      expect(() =>
        asOperation((): never => {
          throw new Error('bad')
        })(),
      ).toThrow('bad')
    })
    expect(named('add').attributes['agentlightning.operation.output']).toBe(3)
    expect(named('anonymous').status.status_code).toBe('ERROR')
  })
})
