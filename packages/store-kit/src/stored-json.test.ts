import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readJson, writeJson } from './stored-json.ts'

const value = fc.jsonValue({ depthSize: 'small' })
const number = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity, -0))
const text = fc.oneof(fc.string(), fc.constantFrom('\u0001agl:', '\u0001agl:NaN', '\u0001agl:\u0001agl:1'))
const attributes = fc.dictionary(fc.string(), fc.oneof(number, text, fc.array(number), fc.array(text), value))

test('reads what it wrote, numbers that JSON does not have included', () => {
  fc.assert(
    fc.property(attributes, (given) => {
      expect(readJson(writeJson(given, 'it'))).toEqual(given)
    }),
  )
})

test('says what cannot be written', () => {
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  expect(() => writeJson(cycle, 'the span')).toThrow('Expected the span to be JSON')
  expect(() => writeJson({ big: 1n }, 'the span')).toThrow('BigInt')
})
