import { AglError } from '@agl/types'
import { describe, expect, it } from 'vitest'
import { decodeBody, parseJsonBody } from './body.ts'

const encoder = new TextEncoder()
const parse = (text: string): unknown => parseJsonBody(decodeBody(encoder.encode(text)))
const nested = (levels: number, inside = ''): string => '['.repeat(levels) + inside + ']'.repeat(levels)

function failure(run: () => unknown): AglError {
  try {
    run()
  } catch (error) {
    if (AglError.isInstance(error, 'invalid_argument')) return error
    throw error
  }
  throw new Error('Expected an AglError; nothing was thrown.')
}

describe('parseJsonBody', () => {
  it('reads JSON in UTF-8, with a byte order mark too', () => {
    expect(parse('{"a":[1,"é漢😀",null,true]}')).toEqual({ a: [1, 'é漢😀', null, true] })
    expect(parse('\uFEFF{"a":1}')).toEqual({ a: 1 })
    expect(parse('{"a":1,"a":2}')).toEqual({ a: 2 })
  })

  it('reads the words that Python writes, outside of strings', () => {
    expect(parse('{"a": [NaN, Infinity, -Infinity], "NaN": "NaN, \\"Infinity\\"", "b":NaN}')).toEqual({
      a: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      NaN: 'NaN, "Infinity"',
      b: Number.NaN,
    })
    expect(parse(' NaN\n')).toBeNaN()
  })

  it('reads everything else beside such a word as JSON.parse does', () => {
    const json =
      '{"":{},"e":[ ],"n":[0,-0,-1.5e-3,1E5,12345678901234567890],"s":"\\u00e9\\n\\\\\\"\\ud83d","t":[true,false,null],' +
      '"__proto__":{"x":1},"d":1,"d":2,\t"z":\r\n[[[{"k":"v"}]]]}'
    const [value] = parse(`[${json},NaN]`) as [unknown]
    expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(json)))
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.is((value as { n: number[] }).n[1], -0)).toBe(true)
  })

  it.each([
    ['{NaN:1}', 1],
    ['[-NaN]', 1],
    ['[NaNa]', 4],
    ['[1NaN]', 2],
    ['[NaN NaN]', 5],
    ['[+Infinity]', 1],
    ['[Infinity5]', 9],
    ['[nan]', 1],
    ['[--Infinity]', 1],
    ['[NaN,]', 5],
    ['{"a":NaN,}', 9],
    ['{"a" NaN}', 5],
    ['[NaN', 4],
    ['[01,NaN]', 2],
    ['[1.,NaN]', 2],
    ['[.5,NaN]', 1],
    ['["\t",NaN]', 1],
    ['["\\x",NaN]', 1],
    ['[NaN,"', 5],
    ['[NaN,"\\', 5],
    ['{', 1],
    ['  ', 2],
    ['[1] 2', 4],
    ["{'a':1}", 1],
    ['[undefined]', 1],
    ['\u00a0[NaN]', 0],
  ])('refuses %j at character %d', (text, offset) => {
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError)
    const error = failure(() => parse(text))
    expect(error.data).toEqual({ status: 422, type: 'json_invalid', offset })
    expect(error.message).toMatch(/^Expected a body of JSON: at character \d+ (the body ends|there is ".+") where .+ belongs\.$/)
  })

  it.each([[[0x22, 0xff, 0x22]], [[0x22, 0xc3, 0x22]], [[0x22, 0xed, 0xa0, 0x80, 0x22]], [[0xff, 0xfe, 0x31, 0x00]]])(
    'refuses the bytes %j, which are not UTF-8',
    (bytes) => {
      expect(failure(() => decodeBody(Uint8Array.from(bytes))).data).toEqual({ status: 400 })
    },
  )

  it.each(['', 'NaN'])('takes 256 levels and no more (around "%s")', (inside) => {
    expect(parse(nested(256, inside))).toBeInstanceOf(Array)
    expect(parse(`[${nested(255, inside)},[]]`)).toHaveLength(2)
    expect(failure(() => parse(nested(257, inside))).data).toEqual({ status: 400, maxLevels: 256 })
    const objects = `${'{"a":'.repeat(257)}${inside || 1}${'}'.repeat(257)}`
    expect(failure(() => parse(objects)).message).toContain('at most 256 levels')
  })

  it('overflows no stack, however deep and whether closed or not', () => {
    for (const text of [nested(2_000_000), nested(2_000_000, 'NaN'), '['.repeat(2_000_000), '{"a":'.repeat(500_000)]) {
      expect(failure(() => parse(text)).data['status']).toBe(400)
    }
  })

  it('takes many brackets beside each other', () => {
    expect(parse(`[${'[{}],'.repeat(10_000)}"[[["]`)).toHaveLength(10_001)
  })

  it.each([
    ['lists', '[],'],
    ['objects', '{},'],
    ['members', '{"a":1},'],
    ['lists, beside NaN', 'NaN,[],'],
  ])('refuses more than two million %s', (_case, unit) => {
    const parts = unit.includes(':') ? 2 : 1
    const body = (count: number): string => `[${unit.repeat(count / parts)}"[[{{::\\""]`
    expect(failure(() => parse(body(2_000_000))).data).toEqual({ status: 413, maxParts: 2_000_000 })
    expect(parse(body(1_999_998))).toBeInstanceOf(Array)
  })

  it('counts no brackets within strings', () => {
    const text = `${'[{:\\\\"'.repeat(1_500_000)}`
    expect(parse(JSON.stringify([text]))).toEqual([text])
  })

  it('stays linear where a pattern would not', () => {
    // Each would take hours if every quote or word led to another look at the rest.
    for (const text of [
      `["${'\\"'.repeat(2_000_000)}`,
      `[NaN${' '.repeat(4_000_000)}x`,
      `[${'NaN,'.repeat(500_000)}`,
      '"'.repeat(3_000_000),
    ]) {
      expect(failure(() => parse(text)).data['status']).toBe(422)
    }
  })
})
