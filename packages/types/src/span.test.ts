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
