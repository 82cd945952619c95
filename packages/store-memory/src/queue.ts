import { createHeap } from '@agl/store-kit'

/** A place in the queue. */
export interface QueueTicket<Item> {
  readonly item: Item
  readonly priority: number
  readonly order: number
  isValid: boolean
}

/** Higher priority first, first in first out within one. */
export interface PriorityQueue<Item> {
  readonly size: number
  /** At the tail of its priority. */
  add(item: Item, priority: number): QueueTicket<Item>
  /** The entry stays and is skipped when its turn comes; the rest is swept when such entries are the majority. */
  remove(ticket: QueueTicket<Item>): void
  take(): Item | undefined
}

export function createPriorityQueue<Item>(): PriorityQueue<Item> {
  const heap = createHeap<QueueTicket<Item>>(
    (a, b) => a.priority > b.priority || (a.priority === b.priority && a.order < b.order),
  )
  let order = 0
  let size = 0
  return {
    get size() {
      return size
    },
    add(item, priority) {
      const ticket = { item, priority, order: order++, isValid: true }
      heap.push(ticket)
      size++
      return ticket
    },
    remove(ticket) {
      if (!ticket.isValid) return
      ticket.isValid = false
      size--
      if (heap.size > 2 * size + 64) heap.retain((entry) => entry.isValid)
    },
    take() {
      for (;;) {
        const ticket = heap.pop()
        if (ticket === undefined) return undefined
        if (!ticket.isValid) continue
        ticket.isValid = false
        size--
        return ticket.item
      }
    },
  }
}
