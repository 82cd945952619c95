import { AglError, type Page } from '@agl/types'

/** A list of a store, as it is read in parts. */
export interface Listing<Item> {
  read(page: { readonly limit: number; readonly offset: number }): Promise<Page<Item>>
  /** Different for each row. */
  keyOf(item: Item): string
  /** Rows that are read at a time; Infinity where only one read makes one list of them. */
  readonly partSize: number
}

/** Some rows of an answer, and how many there were of all when they were read. */
export type Part<Item> = Pick<Page<Item>, 'items' | 'total'>

/**
 * The rows of a page, of any length, in parts; the next part is read when it is asked for. Stores page by number, and rows may
 * come and go between two parts: each part is read with the last row of the one before it, and where that is elsewhere by
 * now, its place is looked for. So every row that was there all the while comes exactly once, in order, as long as rows
 * that stay keep their order among themselves; no row comes twice.
 * @param page.limit -1 = all
 * @throws AglError `conflict` when nothing is left of the part before by which to find the place
 */
export async function* readRows<Item>(
  listing: Listing<Item>,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): AsyncGenerator<Part<Item>, void, void> {
  const { partSize } = listing
  let left = limit === -1 ? Infinity : limit
  let at = offset
  let before: readonly Item[] = []
  // The keys of rows that were told and may come again: those that went may be back, behind where reading goes on.
  const told = new Set<string>()
  for (;;) {
    const size = Math.min(left, partSize)
    const { items, total, end } =
      before.length === 0 ? await readPart(listing, size, at) : await readAfter(listing, { before, told }, size, at)
    const fresh = told.size === 0 ? items : items.filter((item) => !told.has(listing.keyOf(item)))
    yield { items: fresh, total }
    left -= fresh.length
    at = end
    if (left === 0 || at >= total) return
    before = items
  }
}

/** @property end the number of the row after the last one */
type PlacedPart<Item> = Part<Item> & { readonly end: number }

async function readPart<Item>({ read }: Listing<Item>, size: number, at: number): Promise<PlacedPart<Item>> {
  const { items, total } = await read({ limit: size === Infinity ? -1 : size, offset: at })
  // A store that answers less than it says would be asked for ever.
  return { items, total, end: items.length < size ? Math.max(total, at) : at + items.length }
}

async function readAfter<Item>(
  listing: Listing<Item>,
  { before, told }: { readonly before: readonly Item[]; readonly told: Set<string> },
  size: number,
  at: number,
): Promise<PlacedPart<Item>> {
  const { keyOf } = listing
  const keys = before.map(keyOf)
  let place: Place = { key: keys.at(-1)!, at }
  for (let tries = 0; tries < mostTries; tries++) {
    const { items, ...part } = await readPart(listing, size + 1, place.at - 1)
    const [first] = items
    if (first !== undefined && keyOf(first) === place.key) {
      return { ...part, items: items.slice(1) }
    }
    for (const key of keys) told.add(key)
    const found = await findLast(listing, new Set(keys), at)
    // No rows at all any more.
    if (found === null) return { items: [], total: at, end: at }
    place = found
  }
  throw changedTooFast()
}

/** How often the place is looked for that has moved again by the time it is read. */
const mostTries = 5

/** A row, and the number of the one after it. */
interface Place {
  readonly key: string
  readonly at: number
}

/** The last row that is still there of those with these keys; null when the list is empty. */
async function findLast<Item>(
  { read, keyOf, partSize }: Listing<Item>,
  keys: ReadonlySet<string>,
  at: number,
): Promise<Place | null> {
  // More often than not rows have gone, and the place is before the one where it was.
  for (let end = at + partSize; end > 0; end -= partSize) {
    const from = Math.max(0, end - partSize)
    const { items, total } = await read({ limit: end - from, offset: from })
    if (total === 0) return null
    const index = items.findLastIndex((item) => keys.has(keyOf(item)))
    if (index !== -1) return { key: keyOf(items[index]!), at: from + index + 1 }
  }
  throw changedTooFast()
}

function changedTooFast(): AglError {
  return new AglError({
    code: 'conflict',
    message: 'The list has changed faster than it could be read; ask again, or for less of it.',
    isRetryable: true,
  })
}
