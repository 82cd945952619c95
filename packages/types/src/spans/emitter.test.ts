import { describe, expect, it } from 'vitest'
import type { Emitter, SpanCoreFields } from '../index.ts'
import { collectSpans, createEmitter } from './emitter.ts'
import { findFinalReward } from './rewards.ts'

const only = (work: (emit: Emitter) => void): SpanCoreFields => {
  const spans = collectSpans(work)
  expect(spans).toHaveLength(1)
  return spans[0]!
}

describe('an emitter', () => {
  it('writes each kind of span under its name', () => {
    const spans = collectSpans((emit) => {
      emit.reward({ quality: 1, speed: 2 }, { primary: 'speed', links: { span_id: 'x' }, tags: ['grader'] })
      emit.annotation({ step: { index: 1 }, labels: ['a'] })
      emit.message('hello', { attributes: { channel: null } })
      emit.object({ a: 1 })
      emit.exception(new TypeError('bad'))
      emit.span('own', { a: 1 })
    })
    expect(spans.map(({ name }) => name)).toEqual([
      'agentlightning.annotation',
      'agentlightning.annotation',
      'agentlightning.message',
      'agentlightning.object',
      'agentlightning.exception',
      'own',
    ])
    expect(findFinalReward(spans)).toBe(2)
    expect(spans[0]!.attributes).toMatchObject({
      'agentlightning.reward.1.name': 'quality',
      'agentlightning.link.0.value_match': 'x',
      'agentlightning.tag.0': 'grader',
    })
    expect(spans[1]!.attributes).toEqual({ 'step.index': 1, labels: ['a'] })
    expect(spans[2]!.attributes).toEqual({ 'agentlightning.message.body': 'hello', channel: 'null' })
    expect(spans[4]).toMatchObject({
      status: { status_code: 'ERROR', description: 'bad' },
      attributes: { 'exception.type': 'TypeError', 'exception.message': 'bad', 'exception.escaped': true },
    })
  })

  it('refuses what has no place in a span', () => {
    expect(() => only((emit) => emit.annotation({ a: null }))).toThrow(/"a" has no place/)
    expect(() => only((emit) => emit.message(3 as never))).toThrow(/A message is text/)
    expect(() => only((emit) => emit.object(undefined))).toThrow(/JSON can hold/)
    expect(() => only((emit) => emit.reward(Number.NaN))).toThrow(/finite/)
  })

  it('lets no extra attribute overwrite its own', () => {
    const attributes = { 'agentlightning.reward.0.value': 9 }
    expect(() => only((emit) => emit.reward(1, { attributes }))).toThrow(/AGL's own/)
    expect(() => only((emit) => emit.exception('x', { attributes: { 'exception.type': 'y' } }))).toThrow(/AGL's own/)
    expect(only((emit) => emit.reward(1, { attributes: { judge: { model: 'm' } } })).attributes).toMatchObject({
      'judge.model': 'm',
    })
  })
})

describe('an operation', () => {
  it('records input by name or place, output, attributes and time', () => {
    let clock = 10
    const spans: SpanCoreFields[] = []
    const emit = createEmitter({
      now: () => clock,
      write: (span) => void spans.push(span),
      nest: (work) => work((span) => void spans.push(span)),
    })
    const result = emit.operation({ name: 'search', tags: ['tool'] }, (scope) => {
      scope.setInput({ query: 'lamp', options: { limit: 2 } })
      scope.setOutput(['a', 'b'])
      scope.setAttributes({ cache: 'hit' })
      clock = 12
      return 'result'
    })
    expect(result).toBe('result')
    expect(spans).toEqual([
      {
        name: 'agentlightning.operation',
        status: { status_code: 'OK', description: null },
        attributes: {
          'agentlightning.operation.name': 'search',
          'agentlightning.tag.0': 'tool',
          'agentlightning.operation.input.query': 'lamp',
          'agentlightning.operation.input.options.limit': 2,
          'agentlightning.operation.output': ['a', 'b'],
          cache: 'hit',
        },
        start_time: 10,
        end_time: 12,
      },
    ])
    expect(only((each) => each.operation('f', (scope) => scope.setInput([1, { a: 2 }]))).attributes).toMatchObject({
      'agentlightning.operation.input.args.0': 1,
      'agentlightning.operation.input.args.1.a': 2,
    })
  })

  it('records the error and throws it, now or later', async () => {
    const now = collectSpans((emit) => {
      expect(() =>
        emit.operation('f', () => {
          throw new RangeError('too far')
        }),
      ).toThrow('too far')
    })
    expect(now[0]).toMatchObject({
      status: { status_code: 'ERROR', description: 'too far' },
      attributes: { 'exception.type': 'RangeError' },
    })

    let settled: Promise<unknown> | undefined
    const later = collectSpans((emit) => {
      settled = emit.operation('f', () => Promise.reject(new RangeError('too late')))
    })
    expect(later).toHaveLength(0)
    await expect(settled).rejects.toThrow('too late')
    expect(later[0]!.status.status_code).toBe('ERROR')
  })
})
