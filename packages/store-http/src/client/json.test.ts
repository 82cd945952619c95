import { describe, expect, test } from 'vitest'
import { parseJson } from './json.ts'
import { withoutOddNumbers } from '../wire/python-json.ts'
import { stringifyWithOddNumbers } from '../wire/stringify.ts'

describe('JSON with the numbers of Python', () => {
  test.each([
    [null],
    ['NaN'],
    [Number.NaN],
    [-0],
    [{ a: [Number.POSITIVE_INFINITY, { 'NaN"': Number.NEGATIVE_INFINITY }], b: 'say "NaN, -Infinity", \\' }],
    [['agl-number:NaN', Number.NaN, '~agl-number:-0', -0, 0, -1.5e-7]],
    [JSON.parse('{"__proto__": {"x": 1}, "y": 2}')],
  ])('%j comes back as it was', (value: unknown) => {
    expect(parseJson(stringifyWithOddNumbers(value))).toEqual(value)
  })

  test('plain JSON is written plainly; odd numbers as Python writes them', () => {
    expect(stringifyWithOddNumbers({ a: [1, 'x'], b: undefined })).toBe('{"a":[1,"x"]}')
    expect(stringifyWithOddNumbers({ a: [Number.NaN, Number.NEGATIVE_INFINITY, -0], b: 'NaN' })).toBe(
      '{"a":[NaN,-Infinity,-0],"b":"NaN"}',
    )
  })

  test.each(['', '{', 'NaNa', '[Infinity', '{NaN: 1}', '"NaN', 'Infinity1', '[1,]'])(
    '%j is no JSON, with the tokens too',
    (text) => {
      expect(() => parseJson(text)).toThrow(SyntaxError)
    },
  )

  test('where a record holds JSON only, an odd number is null', () => {
    expect(withoutOddNumbers(parseJson('{"a": [NaN, {"b": -Infinity}], "c": 1}'))).toEqual({ a: [null, { b: null }], c: 1 })
  })
})
