import type { SpanNode } from './build-tree.ts'

/** Where a floating node could hang. */
export interface Enclosing {
  readonly holder: number
  /** False when the node lies in several holders side by side, and this one is what holds them: it may be none. */
  readonly isSure: boolean
}

/** Who descends from whom by the recorded parents. */
export interface Lineage {
  readonly commonAncestor: (a: number, b: number) => number
  /** Smaller for an ancestor than for what is below it. */
  readonly rankOf: (node: number) => number
}

/**
 * For each floating node that some holder strictly encloses in time, the innermost holder; or, where holders overlap each
 * other only in part or have the same times, their nearest common ancestor. One sweep over the starts with a Fenwick tree
 * over the ends: O(n log n).
 */
export function findEnclosing(
  nodes: readonly SpanNode[],
  holders: readonly number[],
  floating: readonly number[],
  { commonAncestor, rankOf }: Lineage,
): ReadonlyMap<number, Enclosing> {
  const startOf = (node: number): number => nodes[node]!.start
  const endOf = (node: number): number => nodes[node]!.end
  const inOrder = [...holders].sort((a, b) => startOf(a) - startOf(b) || endOf(b) - endOf(a) || rankOf(a) - rankOf(b))
  const ends = [...new Set(holders.map(endOf))].sort((a, b) => a - b)
  const sweep = createSweep(ends.length, (place) => endOf(inOrder[place]!))
  const queue = [...floating].sort((a, b) => startOf(a) - startOf(b) || endOf(b) - endOf(a) || a - b)
  const found = new Map<number, Enclosing>()
  let inserted = 0
  for (let begin = 0; begin < queue.length;) {
    const start = startOf(queue[begin]!)
    let until = begin
    while (until < queue.length && startOf(queue[until]!) === start) until += 1
    const group = queue.slice(begin, until)
    const insertWhile = (isDue: (time: number) => boolean): void => {
      while (inserted < inOrder.length && isDue(startOf(inOrder[inserted]!))) {
        sweep.insert(inserted, firstAtLeast(ends, endOf(inOrder[inserted]!)))
        inserted += 1
      }
    }
    // Strictly enclosing: an earlier start and no earlier end, or no later start and a later end.
    insertWhile((time) => time < start)
    const earlier = group.map((node) => sweep.query(firstAtLeast(ends, endOf(node))))
    insertWhile((time) => time <= start)
    for (const [index, node] of group.entries()) {
      const rank = firstAtLeast(ends, endOf(node))
      const later = sweep.query(ends[rank] === endOf(node) ? rank + 1 : rank)
      const latest = Math.max(earlier[index]!.latest, later.latest)
      if (latest === -1) continue
      found.set(node, choose(latest, sweep.sooner(earlier[index]!.soonest, later.soonest)))
    }
    begin = until
  }
  return found

  function choose(latest: number, soonest: number): Enclosing {
    const holder = inOrder[latest]!
    const other = inOrder[soonest]!
    if (endOf(other) < endOf(holder)) return { holder: commonAncestor(holder, other), isSure: false }
    const before = inOrder[latest - 1]
    const isTwin = before !== undefined && startOf(before) === startOf(holder) && endOf(before) === endOf(holder)
    if (!isTwin) return { holder, isSure: true }
    const ancestor = commonAncestor(before, holder)
    return ancestor === before ? { holder, isSure: true } : { holder: ancestor, isSure: false }
  }
}

interface Sweep {
  insert(place: number, rank: number): void
  /** Among the inserted with at least this rank: the one inserted last, and the one that ends soonest; -1 = none. */
  query(rank: number): { readonly latest: number; readonly soonest: number }
  sooner(a: number, b: number): number
}

/** Two Fenwick trees over ranks from the top, so that "this rank or more" is a prefix. */
function createSweep(ranks: number, endOf: (place: number) => number): Sweep {
  const latest = new Int32Array(ranks + 1).fill(-1)
  const soonest = new Int32Array(ranks + 1).fill(-1)
  const sooner = (a: number, b: number): number => {
    if (a === -1 || b === -1) return Math.max(a, b)
    return endOf(a) < endOf(b) || (endOf(a) === endOf(b) && a > b) ? a : b
  }
  return {
    sooner,
    insert(place, rank) {
      for (let at = ranks - rank; at <= ranks; at += at & -at) {
        latest[at] = Math.max(latest[at]!, place)
        soonest[at] = sooner(soonest[at]!, place)
      }
    },
    query(rank) {
      const result = { latest: -1, soonest: -1 }
      for (let at = ranks - rank; at > 0; at -= at & -at) {
        result.latest = Math.max(result.latest, latest[at]!)
        result.soonest = sooner(result.soonest, soonest[at]!)
      }
      return result
    },
  }
}

/** The first place in an ascending list whose value is at least this; its length when there is none. */
function firstAtLeast(values: readonly number[], value: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (values[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
