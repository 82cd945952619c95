import { expect, test } from 'vitest'
import { createPriorityQueue } from './queue.ts'

test('keeps its order when most of it is taken out', () => {
  const queue = createPriorityQueue<number>()
  const tickets = Array.from({ length: 1000 }, (_, index) => queue.add(index, index % 3))
  for (const ticket of tickets) {
    if (ticket.item % 10 !== 0) queue.remove(ticket)
  }
  queue.remove(tickets[1]!)
  expect(queue.size).toBe(100)
  const taken = Array.from({ length: 100 }, () => queue.take()!)
  const kept = tickets.filter((ticket) => ticket.item % 10 === 0)
  const expected = kept.toSorted((a, b) => b.priority - a.priority || a.order - b.order)
  expect(taken).toEqual(expected.map((ticket) => ticket.item))
  expect(queue.take()).toBeUndefined()
  expect(queue.size).toBe(0)
})
