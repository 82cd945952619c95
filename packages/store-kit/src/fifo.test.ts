import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isRouteSafe } from './check-id.ts'
import { createFifo } from './fifo.ts'

test('first in, first out', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (steps) => {
      const fifo = createFifo<number>()
      const model: number[] = []
      for (const [index, isPush] of steps.entries()) {
        if (isPush) {
          fifo.push(index)
          model.push(index)
        }
        const [item, expected] = isPush ? [] : [fifo.shift(), model.shift()]
        expect(item).toBe(expected)
        expect([fifo.size, fifo.peek()]).toEqual([model.length, model[0]])
      }
    }),
  )
  const long = createFifo<number>()
  for (let index = 0; index < 5000; index++) long.push(index)
  for (let index = 0; index < 4000; index++) expect(long.shift()).toBe(index)
  expect([long.size, long.peek()]).toEqual([1000, 4000])
})

test('ids that fit into a route', () => {
  for (const id of ['ro-1', 'w 1', 'ünï', 'a:b', '...', 'x'.repeat(200)]) expect([id, isRouteSafe(id)]).toEqual([id, true])
  for (const id of ['', 'latest', 'search', 'a/b', 'a\n', '\u0000', '\u007f', '\u0085', '\ud800', 'x'.repeat(201)]) {
    expect([id, isRouteSafe(id)]).toEqual([id, false])
  }
})
