import { setImmediate } from 'node:timers/promises'
import { errorMessage } from '@agl/types'
import { stringify } from '../wire/stringify.ts'
import { breakOff } from './metrics.ts'
import { type Listing, readRows } from './read-rows.ts'
import type { Call } from './route.ts'
import { endWith, sendJson, sendJsonText, write } from './answers.ts'

/** Characters of an answer that are held before they go out. */
const pieceLength = 262_144

/** So many rows are written at once, which costs less than one after the other. */
const fewRows = 100

/** The part of a query that a page is. */
interface PageQuery {
  readonly limit?: number
  readonly offset?: number
}

/**
 * Answers a page of any length: in one piece while it is short, otherwise bit by bit as its reader takes it, so that no answer
 * is ever held as one text. An answer that cannot be finished breaks off, and is no JSON then.
 */
export async function sendRows<Item>(
  call: Pick<Call, 'response' | 'logger'>,
  listing: Listing<Item>,
  { limit = -1, offset = 0 }: PageQuery,
  convert: (item: Item) => unknown,
): Promise<void> {
  const { response, logger } = call
  let text = '{"items":['
  let count = 0
  let parts = 0
  let total = 0
  try {
    for await (const part of readRows(listing, { limit, offset })) {
      const isWhole = part.items.length === limit || offset + part.items.length >= part.total
      if (parts === 0 && isWhole && part.items.length <= fewRows) {
        return sendJson(response, 200, { items: part.items.map(convert), limit, offset, total: part.total })
      }
      parts++
      total = part.total
      for (const item of part.items) {
        text += `${count === 0 ? '' : ','}${stringify(convert(item))}`
        count++
        if (text.length < pieceLength) continue
        if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/json' })
        await write(response, text)
        // A socket that takes everything at once would keep all other callers waiting.
        await setImmediate()
        text = ''
      }
    }
  } catch (error) {
    if (!response.headersSent) throw error
    if (response.destroyed) return
    logger.warn('a list has broken off', { reason: errorMessage(error), rows: count })
    return breakOff(response)
  }
  // Of a list read in parts, rows that were told may have gone since, and are counted all the same.
  if (parts > 1) total = limit === -1 ? offset + count : Math.max(total, offset + count)
  text += `],"limit":${limit},"offset":${offset},"total":${total}}`
  if (response.headersSent) endWith(response, text)
  else sendJsonText(response, 200, text)
}

/** Whether a query asks for nothing beyond these, so that a store answers a part of it without looking at all rows. */
export function asksOnlyFor(query: object, ...names: readonly string[]): boolean {
  const known = new Set(['limit', 'offset', 'sortOrder', 'filterLogic', ...names])
  return Object.entries(query).every(([name, value]) => known.has(name) || value === undefined)
}
