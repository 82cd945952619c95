import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkJson } from './json.ts'

test('accepts whatever JSON can say', () => {
  const check = (): void => fc.assert(fc.property(fc.jsonValue(), (value) => checkJson(value, 'input')))
  expect(check).not.toThrow()
})

test('names the place of what it cannot say', () => {
  const inItself: unknown[] = []
  inItself.push(inItself)
  const cases: [unknown, string][] = [
    [undefined, 'input is undefined'],
    [{ a: [1, { b: undefined }] }, 'input.a[1].b is undefined'],
    [NaN, 'input is NaN'],
    [[() => 1], 'input[0] is a function'],
    [new Map(), 'input is an instance of Map'],
    [{ big: 1n }, 'input.big is a bigint'],
    [inItself, 'nested deeper than 200 levels, or in itself'],
  ]
  for (const [value, message] of cases) expect(() => checkJson(value, 'input')).toThrow(message)
})
