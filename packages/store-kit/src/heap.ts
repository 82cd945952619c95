/** A binary heap; the item that `isBefore` all others is at the top. */
export interface Heap<Item> {
  readonly size: number
  push(item: Item): void
  peek(): Item | undefined
  pop(): Item | undefined
  /** Keeps only the items that pass; linear. */
  retain(keep: (item: Item) => boolean): void
}

export function createHeap<Item>(isBefore: (a: Item, b: Item) => boolean): Heap<Item> {
  let items: Item[] = []

  const siftUp = (from: number): void => {
    let index = from
    const item = items[index]!
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(item, items[parent]!)) break
      items[index] = items[parent]!
      index = parent
    }
    items[index] = item
  }

  const siftDown = (from: number): void => {
    let index = from
    const item = items[index]!
    for (;;) {
      let child = 2 * index + 1
      if (child >= items.length) break
      if (child + 1 < items.length && isBefore(items[child + 1]!, items[child]!)) child++
      if (!isBefore(items[child]!, item)) break
      items[index] = items[child]!
      index = child
    }
    items[index] = item
  }

  return {
    get size() {
      return items.length
    },
    push(item) {
      items.push(item)
      siftUp(items.length - 1)
    },
    peek: () => items[0],
    pop() {
      const top = items[0]
      const last = items.pop()
      if (items.length > 0 && last !== undefined) {
        items[0] = last
        siftDown(0)
      }
      return top
    },
    retain(keep) {
      items = items.filter(keep)
      for (let index = (items.length >> 1) - 1; index >= 0; index--) siftDown(index)
    },
  }
}
