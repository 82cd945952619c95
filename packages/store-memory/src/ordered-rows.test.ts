import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createChain } from './chain.ts'
import { createOrderedRows } from './ordered-rows.ts'

test('ordered rows: as a sorted list, whatever is added and removed', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.boolean()), { maxLength: 3000 }), (steps) => {
      const rows = createOrderedRows<{ readonly ordinal: number }>()
      const all = new Map(Array.from({ length: 3001 }, (_, ordinal) => [ordinal, { ordinal }]))
      const model = new Set<number>()
      for (const [ordinal, isAdded] of steps) {
        if (isAdded === model.has(ordinal)) continue
        if (isAdded) rows.add(all.get(ordinal)!)
        else rows.delete(all.get(ordinal)!)
        if (isAdded) model.add(ordinal)
        else model.delete(ordinal)
      }
      const sorted = [...model].sort((a, b) => a - b)
      expect(rows.size).toBe(sorted.length)
      expect(Array.from(rows, (row) => row.ordinal)).toEqual(sorted)
      for (const [offset, limit] of [
        [0, 10],
        [sorted.length >> 1, 700],
        [sorted.length, 5],
        [3, Infinity],
      ] as const) {
        expect(rows.page(offset, limit).map((row) => row.ordinal)).toEqual(sorted.slice(offset, offset + limit))
      }
    }),
    { numRuns: 60 },
  )
})

test('ordered rows: many in a row are split into chunks and read in pages', () => {
  const rows = createOrderedRows<{ readonly ordinal: number }>()
  const all = Array.from({ length: 5000 }, (_, ordinal) => ({ ordinal }))
  for (const row of all) if (row.ordinal % 2 === 0) rows.add(row)
  for (const row of all) if (row.ordinal % 2 === 1) rows.add(row)
  rows.delete({ ordinal: 17 })
  expect(rows.page(4990, 100)).toEqual(all.slice(4990))
  for (const row of all.slice(100)) rows.delete(row)
  expect([...rows]).toEqual(all.slice(0, 100))
})

test('chain: keeps the order of appending through removals anywhere', () => {
  const chain = createChain<number>()
  const links = [1, 2, 3, 4].map((item) => chain.append(item))
  chain.remove(links[1]!)
  chain.remove(links[0]!)
  chain.append(5)
  chain.remove(links[3]!)
  expect([...chain]).toEqual([3, 5])
  expect([chain.first(), chain.size]).toEqual([3, 2])
})
