import { describe, expect, it } from 'vitest'
import { isAttributeValue } from './attribute.ts'
import { newSpanSchema, spanSchema } from './span.ts'
import { buildSpan } from './spans/build.ts'

describe('isAttributeValue', () => {
  it.each([['a'], [1], [true], [[]], [['a', 'b']], [[1, 2.5]], [[true]]])('accepts %j', (value) => {
    expect(isAttributeValue(value)).toBe(true)
  })
  it.each([[null], [undefined], [{}], [['a', 1]], [[null]], [[[1]]], [() => 1]])('refuses %j', (value) => {
    expect(isAttributeValue(value)).toBe(false)
  })
})

describe('buildSpan', () => {
  const build = (attemptId: string) =>
    buildSpan({ rolloutId: 'ro-1', attemptId, name: 'n', attributes: {}, startTime: 1, endTime: 2 })

  it('keeps an attempt in one trace and attempts apart', () => {
    const [a, b, c] = [build('at-1'), build('at-1'), build('at-2')]
    expect(a.trace_id).toMatch(/^[0-9a-f]{32}$/)
    expect([a.trace_id, b.trace_id]).toEqual([a.trace_id, a.trace_id])
    expect(c.trace_id).not.toBe(a.trace_id)
    expect(a.span_id).not.toBe(b.span_id)
  })

  it('draws an id of its own for each', () => {
    const ids = Array.from({ length: 1000 }, () => build('at-1').span_id)
    expect(new Set(ids).size).toBe(1000)
    expect(ids.filter((id) => !/^[0-9a-f]{16}$/.test(id))).toEqual([])
  })
})

describe('span schemas', () => {
  const span = buildSpan({ rolloutId: 'ro-1', attemptId: 'at-1', name: 'n', attributes: { a: [1, 2] }, startTime: 1, endTime: 2 })

  it('accept what buildSpan makes, with and without a sequence id', () => {
    expect(newSpanSchema.parse(span)).toEqual(span)
    expect(spanSchema.safeParse(span).success).toBe(false)
    expect(spanSchema.parse({ ...span, sequence_id: 1 })).toEqual({ ...span, sequence_id: 1 })
  })

  it('keep unknown keys of the span and drop those of its resource', () => {
    const parsed = spanSchema.parse({
      ...span,
      sequence_id: 1,
      kind: 'client',
      resource: { attributes: {}, schema_url: '', extra: 1 },
    })
    expect(parsed).toMatchObject({ kind: 'client' })
    expect(parsed.resource).toEqual({ attributes: {}, schema_url: '' })
  })

  it('refuse mixed attribute lists', () => {
    expect(spanSchema.safeParse({ ...span, sequence_id: 1, attributes: { a: ['x', 2] } }).success).toBe(false)
  })
})
