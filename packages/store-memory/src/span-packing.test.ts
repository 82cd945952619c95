import { parseNewSpan } from '@agl/store-kit'
import { spanOf } from '@agl/store-kit/testing'
import type { Span } from '@agl/types'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { arrivalAt, hasSpanId, packSpans, sequenceAt, unpackSpan } from './span-packing.ts'

const anyNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(-0, 0, 2 ** 32 - 1, 2 ** 32, -1, 2 ** 53, 1e300, Number.NaN, Infinity, -Infinity, 5e-324),
)
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('', '\ud800', '𝕏', '\u0000', '__proto__', '1'),
)
const anyId = fc.oneof(fc.string(), fc.constantFrom('', '𝕏', '\u0000', '__proto__', '1'))
const tokens = fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: 12, maxLength: 40 })
const attributes = fc.dictionary(
  anyText,
  fc.oneof(
    anyText,
    fc.boolean(),
    anyNumber,
    fc.array(anyText),
    fc.array(fc.boolean()),
    fc.array(anyNumber, { maxLength: 40 }),
    tokens,
    fc.array(fc.double(), { minLength: 16, maxLength: 20 }),
  ),
  { maxKeys: 8 },
)
const context = fc.record({
  trace_id: anyText,
  span_id: anyText,
  is_remote: fc.boolean(),
  trace_state: fc.dictionary(anyText, anyText, { maxKeys: 2 }),
  extra: fc.jsonValue(),
})
const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
const span = fc.record({
  rollout_id: anyId,
  attempt_id: anyId,
  sequence_id: fc.maxSafeInteger(),
  trace_id: anyText,
  span_id: anyId,
  parent_id: fc.option(anyText),
  name: anyText,
  status: fc.record({ status_code: fc.constantFrom('UNSET', 'OK', 'ERROR'), description: fc.option(anyText) }),
  attributes,
  events: fc.array(fc.record({ name: anyText, attributes, timestamp: fc.option(finite) }), { maxLength: 2 }),
  links: fc.array(fc.record({ context, attributes: fc.option(attributes) }), { maxLength: 2 }),
  start_time: fc.option(finite),
  end_time: fc.option(finite),
  context: fc.option(context),
  parent: fc.option(context),
  resource: fc.record({ attributes, schema_url: anyText }),
  unknown: fc.jsonValue(),
})

const std = (index: number, extra: Partial<Span> = {}): Span =>
  parseNewSpan(
    spanOf(
      { rollout_id: 'r', attempt: { attempt_id: 'a' } },
      { sequence_id: index, span_id: `s${index}`, attributes: {}, start_time: 1.5, end_time: null, ...extra },
    ),
  ) as Span

describe('packing spans', () => {
  test('unpacking is the reverse, for every valid span', () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 4 }), (values) => {
        const spans = values.map((value) => parseNewSpan(value) as Span)
        const chunk = packSpans(spans.map((item, index) => ({ span: item, arrival: index * 7 })))
        for (const [index, item] of spans.entries()) {
          expect(unpackSpan(chunk, index)).toEqual(item)
          expect(arrivalAt(chunk, index)).toBe(index * 7)
          expect(sequenceAt(chunk, index)).toBe(item.sequence_id)
          expect(hasSpanId(chunk, item.span_id)).toBe(true)
        }
        expect(hasSpanId(chunk, `${spans.map((item) => item.span_id).join('')}x`)).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test('token ids take four bytes each, and lists keep their place among other attributes', () => {
    const ids = Array.from({ length: 1000 }, (_, index) => index * 131)
    const logprobs = ids.map((id) => (id % 2 === 0 ? -0 : -id / 7))
    const item = std(1, { attributes: { a: 'x', ids, b: [], logprobs, short: [1, 2], c: -1 } })
    const chunk = packSpans([{ span: item, arrival: 0 }])
    expect(unpackSpan(chunk, 0)).toEqual(item)
    expect(Object.keys(unpackSpan(chunk, 0).attributes)).toEqual(Object.keys(item.attributes))
    expect(chunk.objects).toBeNull()
    expect(chunk.buffer.length).toBeLessThan(1000 * 12 + 600)
  })

  test('what JSON would change stays an object', () => {
    const odd = [
      std(1, { attributes: { zero: -0 } }),
      { ...std(2), extra: undefined } as unknown as Span,
      { ...std(3), extra: new Date(0) } as unknown as Span,
      std(5, { attributes: { 'line\nbreak': 1 } }),
    ]
    const chunk = packSpans([...odd, std(4)].map((item, arrival) => ({ span: item, arrival })))
    expect([...(chunk.objects?.keys() ?? [])]).toEqual([0, 1, 2, 3])
    for (const [index, item] of odd.entries()) expect(unpackSpan(chunk, index)).toBe(item)
    expect(unpackSpan(chunk, 4)).toEqual(std(4))
  })
})
