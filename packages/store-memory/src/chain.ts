/** A place in a {@link Chain}. */
export interface ChainLink<Item> {
  readonly item: Item
  previous: ChainLink<Item> | null
  next: ChainLink<Item> | null
}

/** A doubly linked list: appends, removals anywhere and reading from the head in constant time each. */
export interface Chain<Item> extends Iterable<Item> {
  readonly size: number
  append(item: Item): ChainLink<Item>
  /** The link must be of this chain and still in it. */
  remove(link: ChainLink<Item>): void
  first(): Item | undefined
}

export function createChain<Item>(): Chain<Item> {
  let head: ChainLink<Item> | null = null
  let tail: ChainLink<Item> | null = null
  let size = 0
  return {
    get size() {
      return size
    },
    append(item) {
      const link: ChainLink<Item> = { item, previous: tail, next: null }
      if (tail === null) head = link
      else tail.next = link
      tail = link
      size++
      return link
    },
    remove(link) {
      if (link.previous === null) head = link.next
      else link.previous.next = link.next
      if (link.next === null) tail = link.previous
      else link.next.previous = link.previous
      size--
    },
    first: () => head?.item,
    *[Symbol.iterator]() {
      for (let link = head; link !== null; link = link.next) yield link.item
    },
  }
}
