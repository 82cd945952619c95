/**
 * Rows in the order of their ordinals, in chunks of a few hundred: adding, removing and reading a page cost the same
 * whether there are a thousand or a million. New rows have the highest ordinal and go to the end.
 */
export interface OrderedRows<Row extends { readonly ordinal: number }> extends Iterable<Row> {
  readonly size: number
  add(row: Row): void
  delete(row: Row): void
  /** Up to `limit` rows after the first `offset`. */
  page(offset: number, limit: number): readonly Row[]
}

const longestChunk = 512

export function createOrderedRows<Row extends { readonly ordinal: number }>(): OrderedRows<Row> {
  const chunks: Row[][] = []
  let size = 0

  /** The chunk that the ordinal is in or belongs into. */
  const chunkOf = (ordinal: number): number => {
    let low = 0
    let high = chunks.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (chunks[middle]!.at(-1)!.ordinal < ordinal) low = middle + 1
      else high = middle
    }
    return low
  }
  const placeIn = (chunk: readonly Row[], ordinal: number): number => {
    let low = 0
    let high = chunk.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (chunk[middle]!.ordinal < ordinal) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    get size() {
      return size
    },
    add(row) {
      size++
      const last = chunks.at(-1)
      if (last === undefined || last.at(-1)!.ordinal < row.ordinal) {
        if (last !== undefined && last.length < longestChunk) last.push(row)
        else chunks.push([row])
        return
      }
      const index = chunkOf(row.ordinal)
      const chunk = chunks[index]!
      chunk.splice(placeIn(chunk, row.ordinal), 0, row)
      if (chunk.length > longestChunk) chunks.splice(index + 1, 0, chunk.splice(chunk.length >> 1))
    },
    delete(row) {
      if (size === 0) return
      const index = chunkOf(row.ordinal)
      const chunk = chunks[index]!
      const place = placeIn(chunk, row.ordinal)
      if (chunk[place] !== row) return
      size--
      // What leaves is mostly the oldest, and a splice makes a list of what it took.
      if (place === 0) chunk.shift()
      else chunk.splice(place, 1)
      if (chunk.length === 0) chunks.splice(index, 1)
    },
    page(offset, limit) {
      const rows: Row[] = []
      let skip = offset
      for (const chunk of chunks) {
        if (rows.length >= limit) break
        if (skip >= chunk.length) {
          skip -= chunk.length
          continue
        }
        const end = Math.min(chunk.length, skip + limit - rows.length)
        for (let index = skip; index < end; index++) rows.push(chunk[index]!)
        skip = 0
      }
      return rows
    },
    *[Symbol.iterator]() {
      for (const chunk of chunks) yield* chunk
    },
  }
}
