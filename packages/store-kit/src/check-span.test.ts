import { newSpanSchema } from '@agl/types'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseNewSpan } from './check-span.ts'

const oddValue = fc.oneof(
  fc.constantFrom<unknown>(null, undefined, NaN, Infinity, 1.5, 2 ** 60, '', 'x', true, -0),
  fc.constantFrom<unknown>(
    [],
    [1, 'a'],
    [true],
    [null],
    ['a', 'b'],
    {},
    { a: 1 },
    { a: null },
    { [Symbol('s')]: 1 },
    new Date(0),
  ),
)

/** Mostly right values with a wrong one now and then, and keys that are missing or too many. */
const mostly = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 40, arbitrary }, { weight: 1, arbitrary: oddValue })
const text = mostly(fc.string({ maxLength: 4 }))
const textOrNull = mostly(fc.option(fc.string({ maxLength: 4 })))
const numberOrNull = mostly(fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })))
const attributes = mostly(
  fc.dictionary(
    fc.string({ maxLength: 3 }).filter((key) => key !== '__proto__'),
    mostly(fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.array(fc.string()), fc.array(fc.double()))),
    { maxKeys: 3, noNullPrototype: true },
  ),
)

/** Objects whose optional keys may be absent, and that may have a key too many. */
function part(required: Record<string, fc.Arbitrary<unknown>>, optional: Record<string, fc.Arbitrary<unknown>> = {}) {
  const known: fc.Arbitrary<unknown> = fc.record<Record<string, unknown>>(
    { ...required, ...optional, extra: fc.integer() },
    { requiredKeys: Object.keys(required), noNullPrototype: true },
  )
  return mostly(known)
}

const context = part({
  trace_id: text,
  span_id: text,
  is_remote: mostly(fc.boolean()),
  trace_state: mostly(fc.dictionary(fc.constantFrom('a', 'b'), text, { noNullPrototype: true })),
})
const contextOrNull = fc.oneof(fc.constant(null), context)
const spanArbitrary = part(
  {
    rollout_id: text,
    attempt_id: text,
    trace_id: text,
    span_id: text,
    parent_id: textOrNull,
    name: text,
    status: part({ status_code: mostly(fc.constantFrom('UNSET', 'OK', 'ERROR')) }, { description: textOrNull }),
    attributes,
    events: mostly(fc.array(part({ name: text, attributes }, { timestamp: numberOrNull }), { maxLength: 2 })),
    links: mostly(fc.array(part({ context }, { attributes: fc.oneof(fc.constant(null), attributes) }), { maxLength: 2 })),
    start_time: numberOrNull,
    end_time: numberOrNull,
    context: contextOrNull,
    parent: contextOrNull,
    resource: part({ attributes, schema_url: text }),
  },
  { sequence_id: mostly(fc.integer()) },
)

function outcomeOf(parse: () => unknown): unknown {
  try {
    return { value: parse() }
  } catch {
    return 'refused'
  }
}

describe('parseNewSpan', () => {
  test('accepts and answers what the schema accepts and answers', () => {
    let accepted = 0
    fc.assert(
      fc.property(spanArbitrary, (span) => {
        const expected = outcomeOf(() => newSpanSchema.parse(span))
        if (expected !== 'refused') accepted++
        expect(outcomeOf(() => parseNewSpan(span))).toStrictEqual(expected)
      }),
      { numRuns: 2000, seed: 20261120 },
    )
    // The generator reaches both sides.
    expect(accepted).toBeGreaterThan(400)
    expect(accepted).toBeLessThan(1800)
  })

  test('says where a span is wrong', () => {
    expect(() => parseNewSpan({ name: 1 })).toThrow(/Invalid span:\n✖ .*expected string; got nothing\n {2}→ at rollout_id/)
    expect(() => parseNewSpan({ name: 1 }, 'spans[3]')).toThrow(/expected string; got 1\n {2}→ at name/)
    expect(() => parseNewSpan(null)).toThrow('Invalid span')
  })
})
