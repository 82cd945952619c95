/** First in, first out, each operation in amortised constant time; a Map or Set would scan what was removed at its head. */
export interface Fifo<Item> {
  readonly size: number
  push(item: Item): void
  peek(): Item | undefined
  shift(): Item | undefined
}

const smallestCut = 1024

export function createFifo<Item>(): Fifo<Item> {
  let items: (Item | undefined)[] = []
  let head = 0
  return {
    get size() {
      return items.length - head
    },
    push: (item) => void items.push(item),
    peek: () => items[head],
    shift() {
      if (head === items.length) return undefined
      const item = items[head]
      items[head++] = undefined
      if (head >= smallestCut && head * 2 >= items.length) {
        items = items.slice(head)
        head = 0
      }
      return item
    },
  }
}
