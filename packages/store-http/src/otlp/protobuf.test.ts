import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { highestSequenceId } from '@agl/store-kit'
import { describe, expect, it } from 'vitest'
import { decodeTraces } from './decode-traces.ts'

/** A field that is a message, a text or bytes. */
function nested(field: number, ...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const bytes = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  return new BinaryWriter()
    .uint32((field << 3) | 2)
    .bytes(bytes)
    .finish()
}
/** A field that is a varint. */
function varint(field: number, value: number | bigint): Uint8Array {
  return new BinaryWriter()
    .uint32(field << 3)
    .int64(value)
    .finish()
}
const pair = (field: number, key: string | Uint8Array, ...value: readonly Uint8Array[]): Uint8Array =>
  nested(field, nested(1, key), nested(2, ...value))
const text = (value: string): Uint8Array => nested(1, value)
const ids = [pair(9, 'agentlightning.rollout_id', text('r')), pair(9, 'agentlightning.attempt_id', text('a'))]
const request = (...fields: readonly Uint8Array[]): Uint8Array => nested(1, nested(2, nested(2, ...ids, ...fields)))
const decode = (body: Uint8Array) => decodeTraces(body, 'application/x-protobuf')
const spanOf = (...fields: readonly Uint8Array[]) => decode(request(...fields)).spans[0]!
const valueOf = (...value: readonly Uint8Array[]) => spanOf(pair(9, 'key', ...value)).attributes.key
/** A list in a list in a list. */
function deep(lists: number): Uint8Array {
  return lists === 0 ? varint(3, 1) : nested(5, nested(1, deep(lists - 1)))
}

describe('values of protobuf payloads', () => {
  it.each([
    ['0', 0n, 0],
    ['2^28 - 1, the last on the short way', 2n ** 28n - 1n, 2 ** 28 - 1],
    ['2^28', 2n ** 28n, 2 ** 28],
    ['2^34 + 1', 2n ** 34n + 1n, 2 ** 34 + 1],
    ['2^53 - 1', 2n ** 53n - 1n, Number.MAX_SAFE_INTEGER],
    ['2^53', 2n ** 53n, '9007199254740992'],
    ['-1', -1n, -1],
    ['-2^53', -(2n ** 53n), '-9007199254740992'],
    ['2^63 - 1', 2n ** 63n - 1n, '9223372036854775807'],
    ['-2^63', -(2n ** 63n), '-9223372036854775808'],
  ])('keeps every digit of the integer %s', (_, value, expected) => {
    expect(valueOf(varint(3, value))).toBe(expected)
    expect(valueOf(nested(5, nested(1, varint(3, value))))).toEqual(typeof expected === 'number' ? [expected] : [expected])
  })

  it('turns a list of which an integer is too large into JSON text', () => {
    expect(valueOf(nested(5, nested(1, varint(3, 1)), nested(1, varint(3, 2n ** 60n))))).toBe('[1,"1152921504606846976"]')
  })

  it('reads integers of token lists however they are spelled', () => {
    const overlong = Buffer.from([10, 4, 24, 0x81, 0x80, 0x00])
    const twice = nested(1, varint(3, 5), varint(3, 6))
    const withUnknown = nested(1, varint(3, 7), varint(9, 1))
    const longTag = Buffer.from([10, 3, 0x98, 0x00, 8])
    const longLength = Buffer.from([10, 0x82, 0x00, 24, 9])
    const otherField = nested(2, varint(3, 10))
    expect(valueOf(nested(5, overlong, twice, otherField, withUnknown, longTag, longLength))).toEqual([1, 6, 7, 8, 9])
  })

  it('tells an empty element of a list from an integer', () => {
    expect(valueOf(nested(5, Buffer.from([10, 0]), varint(3, 5)))).toBe('[null]')
  })

  it('is null where no value is set, and the last where several are', () => {
    expect(valueOf()).toBe('null')
    expect(spanOf(nested(9, nested(1, 'key'))).attributes.key).toBe('null')
    expect(valueOf(text('x'), varint(2, 1))).toBe(true)
  })

  it('takes a null attribution for none', () => {
    const none = [pair(9, 'agentlightning.rollout_id'), pair(9, 'agentlightning.span_sequence_id')]
    const { spans, rejected } = decode(nested(1, nested(2, nested(2, ...none, ids[1]!))))
    expect([spans.length, rejected.count]).toEqual([0, 1])
    const [span] = decode(
      nested(1, nested(1, pair(1, 'agentlightning.rollout_id', text('of the resource'))), nested(2, nested(2, ...none, ids[1]!))),
    ).spans
    expect(span).toMatchObject({ rollout_id: 'of the resource' })
    expect(span).not.toHaveProperty('sequence_id')
  })

  it('leaves a sequence id to the store that no store would take', () => {
    const numbered = (value: Uint8Array) => spanOf(pair(9, 'agentlightning.span_sequence_id', value)).sequence_id
    const highest = BigInt(highestSequenceId)
    expect([numbered(varint(3, highest)), numbered(text(String(highest)))]).toEqual([highestSequenceId, highestSequenceId])
    for (const value of [highest + 1n, 2n ** 60n, -1n]) {
      expect([numbered(varint(3, value)), numbered(text(String(value)))]).toEqual([undefined, undefined])
    }
  })

  it('refuses values that are nested too deep, instead of the stack', () => {
    expect(valueOf(deep(32))).toBe(`${'['.repeat(32)}1${']'.repeat(32)}`)
    const message = 'Unable to parse OTLP traces payload: lists and maps are nested deeper than 32 levels'
    expect(() => valueOf(deep(33))).toThrow(expect.objectContaining({ code: 'invalid_argument', message }))
    expect(() => valueOf(deep(2_000))).toThrow(message)
  })

  it('reads invalid UTF-8 with U+FFFD in its place', () => {
    const span = spanOf(nested(5, Buffer.from([0x61, 0xff, 0x62])), pair(9, Buffer.from([0xed, 0xa0, 0x80]), text('x')))
    expect(span.name).toBe('a\u{fffd}b')
    expect(span.attributes).toHaveProperty('\u{fffd}\u{fffd}\u{fffd}', 'x')
  })

  it('keeps a BOM, and texts of every length', () => {
    for (const length of [1, 2, 31, 32, 33, 64, 5_000]) {
      for (const letter of ['a', 'ü', '🌍']) expect(valueOf(text(letter.repeat(length)))).toBe(letter.repeat(length))
    }
    expect(valueOf(text('\u{feff}x'))).toBe('\u{feff}x')
  })

  it('never takes one short text for another', () => {
    const texts = Array.from({ length: 20_000 }, (_, index) => index.toString(index % 2 === 0 ? 2 : 36))
    const decoded = valueOf(nested(5, ...texts.map((value) => nested(1, text(value)))))
    expect(decoded).toEqual(texts)
  })

  it('knows no special keys', () => {
    const map = nested(6, pair(1, '__proto__', text('a')), pair(1, 'toString', varint(3, 1)))
    const { attributes } = spanOf(pair(9, '__proto__', map), pair(9, 'constructor', text('c')))
    expect(Object.entries(attributes)).toContainEqual(['__proto__', '{"__proto__":"a","toString":1}'])
    expect(Object.getPrototypeOf(attributes)).toBe(Object.prototype)
    expect(attributes.constructor).toBe('c')
  })
})

describe('messages of protobuf payloads', () => {
  it.each([
    ['spans', nested(2)],
    ['events', nested(11)],
    ['links', nested(13)],
  ])('refuses more %s than memory should hold', (kind, record) => {
    const many = (count: number): Uint8Array => {
      const records = Buffer.alloc(count * record.length, record)
      return kind === 'spans' ? nested(1, nested(2, records)) : request(records)
    }
    const others = kind === 'spans' ? 0 : 1
    expect(decode(many(2 ** 17 - others)).rejected.count).toBe(kind === 'spans' ? 2 ** 17 : 0)
    expect(() => decode(many(2 ** 17 - others + 1))).toThrow(
      'Unable to parse OTLP traces payload: it holds more than 131072 spans, events and links; send smaller batches',
    )
  })

  it('finds the resource behind its spans, and in parts', () => {
    const resource = (key: string, value: string) => nested(1, pair(1, `agentlightning.${key}`, text(value)))
    const [span] = decode(
      nested(1, nested(3, 'url'), nested(2, nested(2)), resource('rollout_id', 'r1'), resource('attempt_id', 'a1')),
    ).spans
    expect(span).toMatchObject({ rollout_id: 'r1', attempt_id: 'a1', resource: { schema_url: 'url' } })
  })

  it('passes over fields that it does not know, groups among them', () => {
    const fixed = [Buffer.from([0xf9, 0x01, 1, 2, 3, 4, 5, 6, 7, 8]), Buffer.from([0xfd, 0x01, 1, 2, 3, 4])]
    const group = [Buffer.from([0xfb, 0x01]), varint(1, 5), nested(2, 'x'), Buffer.from([0xfc, 0x01])]
    expect(spanOf(varint(31, 2n ** 60n), ...fixed, ...group, nested(31, 'x'), nested(5, 'name')).name).toBe('name')
    // A field whose wire type is another one is unknown as well.
    expect(spanOf(varint(5, 1), nested(15, varint(3, 7))).status).toEqual({ status_code: 'UNSET', description: null })
  })

  it('refuses a field that runs on into the next message, be what is left well-formed', () => {
    const rest = Buffer.from([16, 1, 8, 0x80, 1, ...Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? 8 : 1))])
    const whole = (span: Uint8Array) => nested(1, nested(2, nested(2, span), Buffer.from([26]), rest))
    expect(decode(whole(varint(10, 1))).rejected.count).toBe(1)
    const request = (resourceSpans: Uint8Array) => Buffer.concat([nested(1, resourceSpans), Buffer.from([26]), rest])
    expect(decode(request(varint(10, 1))).spans).toEqual([])
    const message = 'Unable to parse OTLP traces payload: a field runs past the end of its message'
    expect(() => decode(request(Buffer.from([0x50, 0x80])))).toThrow(message)
    expect(() => decode(whole(Buffer.from([0x50, 0x80])))).toThrow(message)
  })

  it('says how long a field is that runs past the end', () => {
    const message = 'Unable to parse OTLP traces payload: a field of 5 bytes runs past the end of the payload'
    expect(() => decode(Buffer.from([10, 5, 1]))).toThrow(message)
  })

  it.each([
    ['a fixed64 beyond the end', Buffer.from([9, 1])],
    ['a list whose last integer is missing', request(pair(9, 'key', nested(5, Buffer.from([10, 1, 24]))))],
    ['a tag without a value', Buffer.from([10])],
    ['a field that runs out of its message', nested(1, Buffer.from([18, 2, 10]), nested(1))],
    ['a varint that runs out of its message', nested(1, nested(2, nested(2, Buffer.from([0x50, 0x80]))), varint(9, 1))],
    [
      'a fixed64 that runs out of its message',
      nested(1, nested(2, nested(2, Buffer.from([57, 1, 2]))), nested(9, 'more than 8')),
    ],
    ['a field with the number 0', Buffer.from([2, 0])],
    ['an end of a group that did not start', Buffer.from([12])],
    ['a group without an end', Buffer.from([11, 8, 1])],
    ['a wire type that does not exist', Buffer.from([15])],
    ['an endless varint', Buffer.alloc(20, 0xff)],
    ['text', Buffer.from('this is not protobuf')],
  ])('refuses %s', (_, body) => {
    expect(() => decode(body)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringMatching(/^Unable to parse OTLP traces payload: ./) as string,
      }),
    )
  })
})
