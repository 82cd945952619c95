import { AglError } from '@agl/types'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Listing, readRows } from './read-rows.ts'

/** A list of numbers, each its own key, with a look at it before each read. */
function listingOf(rows: number[], partSize: number, meanwhile: (reads: number) => void): Listing<number> {
  let reads = 0
  return {
    partSize,
    keyOf: String,
    async read({ limit, offset }) {
      meanwhile(reads++)
      return { items: rows.slice(offset, limit === -1 ? undefined : offset + limit), limit, offset, total: rows.length }
    },
  }
}

async function readAll(listing: Listing<number>, limit: number, offset: number): Promise<readonly number[]> {
  const read: number[] = []
  for await (const { items } of readRows(listing, { limit, offset })) {
    expect(items.length).toBeLessThanOrEqual(listing.partSize)
    read.push(...items)
  }
  return read
}

const pages = fc.record({
  count: fc.nat({ max: 12 }),
  partSize: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(Infinity)),
  limit: fc.oneof(fc.constant(-1), fc.nat({ max: 15 })),
  offset: fc.nat({ max: 15 }),
})

/** What happens before one read: rows go, new ones come at the end, and one that had gone is back in its place. */
const change = fc.record({
  gone: fc.array(fc.nat({ max: 20 }), { maxLength: 4 }),
  come: fc.nat({ max: 2 }),
  isBack: fc.boolean(),
})

describe('rows that are read in parts', () => {
  test('are those of one read while nothing changes', async () => {
    await fc.assert(
      fc.asyncProperty(pages, async ({ count, partSize, limit, offset }) => {
        const rows = Array.from({ length: count }, (_, index) => index)
        const read = await readAll(
          listingOf(rows, partSize, () => {}),
          limit,
          offset,
        )
        expect(read).toEqual(rows.slice(offset, limit === -1 ? undefined : offset + limit))
      }),
    )
  })

  test('come once each, whatever goes and comes meanwhile, and none that stays is passed over', async () => {
    let refused = 0
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 1, max: 5 }),
        fc.oneof(fc.constant(-1), fc.nat({ max: 15 })),
        fc.array(change, { maxLength: 8 }),
        async (count, partSize, limit, changes) => {
          const rows = Array.from({ length: count }, (_, index) => index)
          const stayed = new Set(rows)
          const away: number[] = []
          let next = count
          const listing = listingOf(rows, partSize, (reads) => {
            const present = reads === 0 ? undefined : changes[reads - 1]
            if (present === undefined) return
            const back = present.isBack ? away.splice(0, 1) : []
            for (const place of present.gone) away.push(...rows.splice(place, 1))
            for (const row of away) stayed.delete(row)
            rows.push(...back, ...Array.from({ length: present.come }, () => next++))
            rows.sort((a, b) => a - b)
          })
          const outcome = await readAll(listing, limit, 0).catch((error: unknown) => error)
          if (AglError.isInstance(outcome, 'conflict')) return void refused++
          const read = outcome as readonly number[]
          expect(new Set(read).size).toBe(read.length)
          const old = read.filter((row) => stayed.has(row))
          expect(old).toEqual([...stayed].slice(0, old.length))
          const most = limit === -1 ? Infinity : limit
          expect(read.length).toBeLessThanOrEqual(most)
          expect(old.length === stayed.size || read.length === most).toBe(true)
        },
      ),
      { numRuns: 3000 },
    )
    expect(refused).toBeLessThan(1000)
  })

  test('are refused when nothing is left of the part before', async () => {
    const rows = [0, 1, 2, 3, 4, 5]
    const listing = listingOf(rows, 2, (reads) => {
      if (reads === 1) rows.splice(0, 2)
    })
    await expect(readAll(listing, -1, 0)).rejects.toMatchObject({ code: 'conflict', isRetryable: true })
  })

  test('are asked for only when they are wanted', async () => {
    let reads = 0
    const parts = readRows(
      listingOf([0, 1, 2, 3], 2, () => reads++),
      { limit: -1, offset: 0 },
    )
    expect(reads).toBe(0)
    expect((await parts.next()).value).toEqual({ items: [0, 1], total: 4 })
    expect(reads).toBe(1)
    await parts.return()
    expect(reads).toBe(1)
  })
})
