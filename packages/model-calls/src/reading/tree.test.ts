import { expect, test } from 'vitest'
import { treeUnder } from './tree.ts'

test('puts together what was flattened', () => {
  const attributes = { 'in.a.b': 1, 'in.a.c.0': 'x', 'in.a.c.1.d': true, 'in.e': [1, 2], 'inner.f': 3, in: 'none' }
  expect(treeUnder(attributes, 'in.')).toEqual({ a: { b: 1, c: ['x', { d: true }] }, e: [1, 2] })
})

test('lists in order of their indices, gaps closed; other steps make a record', () => {
  expect(treeUnder({ 'a.10': 'c', 'a.2': 'b', 'a.1': 'a' }, '')).toEqual({ a: ['a', 'b', 'c'] })
  expect(treeUnder({ 'a.0': 1, 'a.x': 2, 'b.1e3': 3, 'c.-1': 4 }, '')).toEqual({
    a: { 0: 1, x: 2 },
    b: { '1e3': 3 },
    c: { '-1': 4 },
  })
})

test('a nested key wins over a value in its way, in either order', () => {
  expect(treeUnder({ a: 1, 'a.b': 2 }, '')).toEqual({ a: { b: 2 } })
  expect(treeUnder({ 'a.b': 2, a: 1 }, '')).toEqual({ a: { b: 2 } })
})

test('takes every key for a key', () => {
  const tree = treeUnder({ 'a.__proto__.b': 1, 'a.constructor': 2 }, '')
  expect(Object.entries(tree['a'] as object)).toEqual([
    ['__proto__', { b: 1 }],
    ['constructor', 2],
  ])
})

test('what is nested too deep becomes one key', () => {
  const tree = treeUnder({ ['a'.padEnd(300, '.a')]: 1 }, '')
  expect(JSON.stringify(tree)).toContain('"a.a.a')
})
