import { describe, expect, it } from 'vitest'
import { decodeTraces } from './decode-traces.ts'

const attribution = [
  { key: 'agentlightning.rollout_id', value: { stringValue: 'r' } },
  { key: 'agentlightning.attempt_id', value: { stringValue: 'a' } },
]
const decode = (body: string | Uint8Array) =>
  decodeTraces(typeof body === 'string' ? Buffer.from(body) : body, 'application/json')
const request = (span: string) => `{"resourceSpans":[{"scopeSpans":[{"spans":[${span}]}]}]}`
const spanOf = (fields: object) => decode(request(JSON.stringify({ attributes: attribution, ...fields }))).spans[0]!
/** @param value the text of an `AnyValue` */
const valueOf = (value: string) => {
  const attributes = [...attribution.map((entry) => JSON.stringify(entry)), `{"key":"key","value":${value}}`]
  return decode(request(`{"attributes":[${attributes.join()}]}`)).spans[0]!.attributes.key
}

describe('OTLP/JSON', () => {
  it('knows the names of the .proto, names of enums, and null for a default', () => {
    const body = {
      resource_spans: [
        {
          resource: { attributes: attribution, dropped_attributes_count: 0 },
          schema_url: 'url',
          scope_spans: [
            {
              scope: null,
              spans: [
                {
                  trace_id: 'AB',
                  span_id: 'cD',
                  parent_span_id: null,
                  name: null,
                  start_time_unix_nano: '1731672000123456789',
                  end_time_unix_nano: 1731672000,
                  attributes: [
                    { key: 'a', value: { string_value: 'x' } },
                    { key: 'b', value: { array_value: { values: [{ int_value: '1' }, { int_value: 2 }] } } },
                    { key: 'c', value: { kvlist_value: { values: [{ key: 'k', value: { bool_value: true } }] } } },
                    { key: 'd', value: { bytes_value: '-_8' } },
                    { key: 'e', value: { double_value: '-Infinity' } },
                    { key: 'f', value: null },
                  ],
                  events: [{ time_unix_nano: 0, name: 'e', attributes: null }],
                  links: [{ trace_id: '1', span_id: '2' }],
                  status: { code: 'STATUS_CODE_ERROR', message: 'm' },
                },
              ],
            },
          ],
        },
      ],
    }
    const context = { trace_id: 'ab'.padStart(32, '0'), span_id: 'cd'.padStart(16, '0'), is_remote: false, trace_state: {} }
    expect(decode(JSON.stringify(body)).spans).toEqual([
      {
        rollout_id: 'r',
        attempt_id: 'a',
        trace_id: context.trace_id,
        span_id: context.span_id,
        parent_id: null,
        name: '',
        status: { status_code: 'ERROR', description: 'm' },
        attributes: { a: 'x', b: [1, 2], c: '{"k":true}', d: 'fbff', e: -Infinity, f: 'null' },
        events: [{ name: 'e', attributes: {}, timestamp: null }],
        links: [
          {
            context: { ...context, trace_id: '1'.padStart(32, '0'), span_id: '2'.padStart(16, '0') },
            attributes: null,
          },
        ],
        start_time: 1731672000 + 123456789 / 1e9,
        end_time: 1731672000,
        context,
        parent: null,
        resource: {
          attributes: { 'agentlightning.rollout_id': 'r', 'agentlightning.attempt_id': 'a' },
          schema_url: 'url',
        },
      },
    ])
  })

  it.each([
    ['{"intValue":"9223372036854775807"}', '9223372036854775807'],
    ['{"intValue":9007199254740993}', '9007199254740993'],
    ['{ "int_value" : -9007199254740993 }', '-9007199254740993'],
    ['{"intValue":9007199254740991}', 9007199254740991],
    ['{"intValue":"-5"}', -5],
    ['{"intValue":1e300}', 1e300],
    ['{"doubleValue":18446744073709551616}', 2 ** 64],
    ['{"doubleValue":"0.5"}', 0.5],
    ['{"doubleValue":"NaN"}', NaN],
    ['{"boolValue":false}', false],
    ['{"bytesValue":"AP8Q"}', '00ff10'],
    ['{"bytesValue":"AP8="}', '00ff'],
    ['{"stringValue":"\\"intValue\\":12345678901234567890,"}', '"intValue":12345678901234567890,'],
    ['{"stringValue":"half \\ud83c of a pair"}', 'half \u{fffd} of a pair'],
    ['{"stringValue":null}', 'null'],
    ['{"unknown":1}', 'null'],
    ['{"stringValue":"x","unknown":1}', 'x'],
    ['{}', 'null'],
    ['{"arrayValue":{}}', []],
    ['{"arrayValue":{"values":[{"intValue":1},{}]}}', '[1,null]'],
  ])('reads the value %s', (value, expected) => {
    expect(valueOf(value)).toEqual(expected)
  })

  it.each([
    ['names', { status: { code: 'STATUS_CODE_OK' } }, 'OK'],
    ['names that nobody knows', { status: { code: 'STATUS_CODE_FINE' } }, 'UNSET'],
    ['numbers', { status: { code: 2 } }, 'ERROR'],
    ['numbers that nobody knows', { status: { code: 3 } }, 'UNSET'],
    ['nothing', { status: {} }, 'UNSET'],
  ])('reads a status from %s', (_, fields, expected) => {
    expect(spanOf(fields).status.status_code).toBe(expected)
  })

  it('keeps a key `__proto__`', () => {
    const { attributes } = spanOf({ attributes: [...attribution, { key: '__proto__', value: { intValue: 1 } }] })
    expect(Object.entries(attributes)).toContainEqual(['__proto__', 1])
  })

  it('refuses values that are nested too deep', () => {
    const deep = (lists: number): string => (lists === 0 ? '{"intValue":1}' : `{"arrayValue":{"values":[${deep(lists - 1)}]}}`)
    expect(valueOf(deep(32))).toBe(`${'['.repeat(32)}1${']'.repeat(32)}`)
    expect(() => valueOf(deep(33))).toThrow('lists and maps are nested deeper than 32 levels')
    const map = (maps: number): string =>
      maps === 0 ? '{}' : `{"kvlistValue":{"values":[{"key":"k","value":${map(maps - 1)}}]}}`
    expect(valueOf(map(32))).toBe(`${'{"k":'.repeat(32)}null${'}'.repeat(32)}`)
    expect(() => valueOf(map(33))).toThrow('lists and maps are nested deeper than 32 levels')
    expect(() => decode('['.repeat(1_000_000))).toThrow('Unable to parse OTLP traces payload: ')
    expect(() => decode(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)).toThrow('expected an object; got a list of 1')
  })

  it('refuses more records than memory should hold', () => {
    const many = (count: number) => request(`{"events":[${'{},'.repeat(count - 1)}{}]}`)
    expect(decode(many(2 ** 17 - 1)).rejected.count).toBe(1)
    expect(() => decode(many(2 ** 17))).toThrow('it holds more than 131072 spans, events and links')
  })

  it('reads invalid UTF-8 with U+FFFD in its place', () => {
    const [before, after] = request(JSON.stringify({ attributes: attribution, name: 'a|b' })).split('|')
    const body = Buffer.concat([Buffer.from(before!), Buffer.from([0xff]), Buffer.from(after!)])
    expect(decode(body).spans[0]!.name).toBe('a\u{fffd}b')
  })

  it.each([
    ['{', /JSON/],
    ['null', /expected an object; got null/],
    ['{"resourceSpans":{}}', /expected `resourceSpans` to be a list; got an object/],
    ['{"resourceSpans":[1]}', /expected `resourceSpans` to be a list of objects; got 1/],
    ['{"resourceSpans":[null]}', /expected `resourceSpans` to be a list of objects; got null/],
    [request('{"name":5}'), /expected `name` to be a text; got 5/],
    [request('{"traceId":"q83vEjRWeJCrze8SNFZ4kA=="}'), /expected `traceId` to be hex digits; got "q83vEjRWeJCrze8SNFZ4kA=="/],
    [request('{"startTimeUnixNano":-1}'), /expected `startTimeUnixNano` to be a count of nanoseconds; got -1/],
    [request('{"startTimeUnixNano":"18446744073709551616"}'), /a count of nanoseconds/],
    [request('{"startTimeUnixNano":1.5}'), /a count of nanoseconds/],
    [request('{"status":{"code":true}}'), /expected `code` to be a number or a name; got true/],
    [request('{"attributes":[{"key":"a","value":{"intValue":"1.5"}}]}'), /expected `intValue` to be an integer/],
    [request(`{"attributes":[{"key":"a","value":{"intValue":"${'9'.repeat(21)}"}}]}`), /expected `intValue` to be an integer/],
    [request('{"attributes":[{"key":"a","value":{"intValue":1.5}}]}'), /expected `intValue` to be an integer/],
    [request('{"attributes":[{"key":"a","value":{"doubleValue":"x"}}]}'), /expected `doubleValue` to be a number/],
    [request('{"attributes":[{"key":"a","value":{"boolValue":"true"}}]}'), /expected `boolValue` to be true or false/],
    [request('{"attributes":[{"key":"a","value":{"bytesValue":"*"}}]}'), /expected `bytesValue` to be base64/],
    [request('{"attributes":[{"key":"a","value":"x"}]}'), /expected `value` to be an object/],
  ])('refuses %s', (body, reason) => {
    expect(() => decode(body)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', message: expect.stringMatching(reason) as string }),
    )
  })
})
