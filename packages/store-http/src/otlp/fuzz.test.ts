import { readFileSync } from 'node:fs'
import { parseNewSpans } from '@agl/store-kit'
import { AglError } from '@agl/types'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeTraces } from './decode-traces.ts'

const protobuf = 'application/x-protobuf'
const json = 'application/json'
const golden = JSON.parse(readFileSync(new URL('golden-traces.json', import.meta.url), 'utf8')) as Record<string, { hex: string }>
const payloads = Object.values(golden).map(({ hex }) => Buffer.from(hex, 'hex'))

/** What became of a body. All that may: spans that any store takes, or the one error that becomes a 400. */
function outcome(body: Uint8Array, contentType: string): string {
  const before = Buffer.from(body)
  const found = decodeOutcome(body, contentType)
  return before.equals(body) ? found : 'the body was changed'
}

function decodeOutcome(body: Uint8Array, contentType: string): string {
  try {
    const { spans } = decodeTraces(body, contentType)
    JSON.stringify(parseNewSpans(spans), checkText)
    return 'decoded'
  } catch (error) {
    const isRefusal =
      AglError.isInstance(error, 'invalid_argument') && error.message.startsWith('Unable to parse OTLP traces payload: ')
    return isRefusal ? 'refused' : String(error)
  }
}

function checkText(key: string, value: unknown): unknown {
  if (!key.isWellFormed() || (typeof value === 'string' && !value.isWellFormed())) throw new Error('not UTF-8')
  return value
}

const either = /^(decoded|refused)$/
const payload = fc.constantFrom(...payloads.filter(({ length }) => length > 0))

describe('decodeTraces of anything', () => {
  it('decodes or refuses random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        expect(outcome(body, protobuf)).toMatch(either)
        expect(outcome(body, json)).toMatch(either)
      }),
      { numRuns: 3_000 },
    )
  })

  it('decodes or refuses a payload that breaks off', () => {
    const outcomes = new Set<string>()
    for (const body of payloads) {
      for (let length = 0; length <= body.length; length++) outcomes.add(outcome(body.subarray(0, length), protobuf))
    }
    expect([...outcomes].sort()).toEqual(['decoded', 'refused'])
  })

  it('decodes or refuses a payload with flipped bits', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(payload, flips, (original, flips) => {
        const body = Buffer.from(original)
        for (const [place, mask] of flips) body[place % body.length]! ^= mask
        expect(outcome(body, protobuf)).toMatch(either)
      }),
      { numRuns: 5_000 },
    )
  })

  it('decodes or refuses a payload with a piece of another in it', () => {
    fc.assert(
      fc.property(payload, payload, fc.nat(), fc.nat(), fc.nat(60), (a, b, at, from, length) => {
        const start = from % b.length
        const piece = b.subarray(start, start + length)
        const body = Buffer.concat([a.subarray(0, at % a.length), piece, a.subarray(at % a.length)])
        expect(outcome(body, protobuf)).toMatch(either)
      }),
      { numRuns: 3_000 },
    )
  })

  it('decodes or refuses any JSON in the places of OTLP/JSON', () => {
    const name = fc.constantFrom(...names)
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        leaf,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(name, tie('tree'), { maxKeys: 4 }),
      ),
    }))
    fc.assert(
      fc.property(tree, (value) => {
        expect(outcome(Buffer.from(JSON.stringify(value)), json)).toMatch(either)
        expect(outcome(Buffer.from(JSON.stringify(nestSpan(value))), json)).toMatch(either)
        expect(outcome(Buffer.from(JSON.stringify(nestSpan({ attributes: [{ key: 'k', value }] }))), json)).toMatch(either)
      }),
      { numRuns: 2_000 },
    )
  })

  it('decodes texts that hold half of a surrogate pair', () => {
    const text = fc.string({ unit: fc.constantFrom('\ud83c', '\udf0d', 'a', '\ufeff') })
    fc.assert(
      fc.property(text, text, text, (name, key, message) => {
        const attributes = [
          { key, value: { stringValue: name } },
          { key: name, value: mapOf(key, message) },
        ]
        const span = nestSpan({ name, attributes, events: [{ name: key }], status: { message } })
        expect(outcome(Buffer.from(JSON.stringify(span)), json)).toBe('decoded')
      }),
    )
  })

  // Each would take hours if a step cost time in proportion to the rest of the body.
  it.each([
    ['decoded', 'lists of nothing', listOf(Buffer.alloc(2 ** 22, Buffer.from([10, 0])))],
    ['decoded', 'lists of small integers', listOf(Buffer.alloc(2 ** 22, Buffer.from([10, 2, 24, 1])))],
    ['decoded', 'empty resources', Buffer.alloc(2 ** 22, Buffer.from([10, 0]))],
    ['refused', 'lengths in lengths', Buffer.alloc(2 ** 22, 10)],
    ['refused', 'groups in groups', Buffer.alloc(2 ** 22, 11)],
    ['refused', 'continued bytes', Buffer.alloc(2 ** 22, 0x80)],
  ])('has soon %s 4 MiB of %s', (expected, _, body) => {
    expect(outcome(body, protobuf)).toBe(expected)
    expect(outcome(body, json)).toBe('refused')
  })

  it.each([
    ['digits', `{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"${'9'.repeat(2 ** 22)}"}]}]}]}`],
    ['spaces', `{"intValue"${' '.repeat(2 ** 22)}`],
    ['names', '"intValue":'.repeat(2 ** 19)],
    ['brackets', '{"resourceSpans":['.repeat(2 ** 18)],
  ])('has soon refused megabytes of %s', (_, body) => {
    expect(outcome(Buffer.from(body), json)).toBe('refused')
  })
})

function mapOf(key: string, text: string): unknown {
  return { kvlistValue: { values: [{ key, value: { stringValue: text } }] } }
}

function nestSpan(span: unknown): unknown {
  return { resourceSpans: [{ resource: owner, scopeSpans: [{ spans: [span] }] }] }
}

/** A span with one attribute. */
function listOf(items: Uint8Array): Uint8Array {
  return [10, 18, 18, 74, 18, 42].reduceRight<Uint8Array>(
    (inner, tag) => new BinaryWriter().uint32(tag).bytes(inner).finish(),
    items,
  )
}

const names =
  `resourceSpans scope_spans spans resource attributes key value values traceId span_id intValue arrayValue kvlistValue
  bytesValue doubleValue stringValue startTimeUnixNano events links status code message name __proto__`.split(/\s+/)

const leaf = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 2 ** 60, 1e300, '', 'x', '12', 'AP8=', '\ud800', 'STATUS_CODE_OK'),
  fc.string(),
  fc.double(),
)
const owner = {
  attributes: [
    { key: 'agentlightning.rollout_id', value: { stringValue: 'r' } },
    { key: 'agentlightning.attempt_id', value: { stringValue: 'a' } },
  ],
}
