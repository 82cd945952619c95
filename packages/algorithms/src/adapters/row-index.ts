/** Where a sequence of tokens has got to. */
interface HashState {
  readonly left: number
  readonly right: number
  readonly length: number
}

/** Finds the longest of many sequences that a prompt begins with. */
export interface RowIndex {
  /**
   * Takes out the row whose tokens begin the prompt: the longest of several, of equal ones that which was put in last; -1 =
   * there is none.
   */
  take(prompt: readonly number[]): { readonly row: number; readonly state: HashState }
  /** Puts a row in: what `take` read, and what was added to it. */
  put(row: number, state: HashState, added: readonly number[]): void
}

/**
 * Rows by a rolling hash of all their tokens, so that a prompt is read once, however many rows there are; only lengths that
 * some row has are looked up. A hash that agrees is checked token by token, so collisions cost time, never correctness.
 *
 * @param tokensOf the tokens of a row as they are now
 */
export function createRowIndex(tokensOf: (row: number) => readonly number[]): RowIndex {
  const rowsByHash = new Map<number, number[]>()
  const rowsOfLength: number[] = []

  return {
    take(prompt) {
      const candidates: { readonly key: number; readonly length: number }[] = []
      const state = advance(start, prompt, (key, length) => {
        if ((rowsOfLength[length] ?? 0) > 0 && rowsByHash.has(key)) candidates.push({ key, length })
      })
      for (const { key, length } of candidates.toReversed()) {
        const rows = rowsByHash.get(key)!
        const place = rows.findLastIndex((row) => isPrefix(tokensOf(row), prompt, length))
        if (place === -1) continue
        const [row] = rows.splice(place, 1)
        if (rows.length === 0) rowsByHash.delete(key)
        rowsOfLength[length]! -= 1
        return { row: row!, state }
      }
      return { row: -1, state }
    },
    put(row, state, added) {
      const end = advance(state, added)
      const key = keyOf(end.left, end.right)
      const rows = rowsByHash.get(key)
      if (rows === undefined) rowsByHash.set(key, [row])
      else rows.push(row)
      while (rowsOfLength.length <= end.length) rowsOfLength.push(0)
      rowsOfLength[end.length]! += 1
    },
  }
}

const start: HashState = { left: 0x811c9dc5, right: 0x1b873593, length: 0 }

/** FNV-1a and a second hash of the same form with another factor. */
function advance(from: HashState, tokens: readonly number[], onToken?: (key: number, length: number) => void): HashState {
  let { left, right, length } = from
  for (const token of tokens) {
    left = Math.imul(left ^ token, 0x01000193)
    right = Math.imul(right ^ token, 0x85ebca6b)
    right ^= right >>> 15
    length += 1
    onToken?.(keyOf(left, right), length)
  }
  return { left, right, length }
}

/** 53 bits. */
function keyOf(left: number, right: number): number {
  return (left >>> 0) * 2 ** 21 + (right >>> 11)
}

function isPrefix(row: readonly number[], prompt: readonly number[], length: number): boolean {
  if (row.length !== length) return false
  for (let index = 0; index < length; index += 1) if (row[index] !== prompt[index]) return false
  return true
}
