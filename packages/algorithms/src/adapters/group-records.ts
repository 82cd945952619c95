import type { ModelCall } from '@agl/model-calls'

/**
 * The records that belong to one call each, in the order given. One call are: records with the same response id, wherever
 * they are; a record without an id of its own inside another call; and a record without an id around a call that has one
 * (a chat model around its HTTP client; around several, it goes with the first).
 *
 * @param callAbove the nearest record above each; -1 = none
 */
export function groupRecords(
  records: readonly number[],
  recorded: ReadonlyMap<number, ModelCall>,
  callAbove: Int32Array,
  dedupe: boolean,
): readonly (readonly number[])[] {
  if (!dedupe) return records.map((node) => [node])
  const leaders = new Map<number, number>(records.map((node) => [node, node]))
  const leaderOf = (node: number): number => {
    let at = node
    while (leaders.get(at) !== at) {
      leaders.set(at, leaders.get(leaders.get(at)!)!)
      at = leaders.get(at)!
    }
    return at
  }
  const join = (a: number, b: number): void => {
    const [left, right] = [leaderOf(a), leaderOf(b)]
    leaders.set(Math.max(left, right), Math.min(left, right))
  }
  const idOf = (node: number): string | null => recorded.get(node)!.responseId || null
  const byResponseId = new Map<string, number>()
  const taken = new Set<number>()
  for (const node of records) {
    const id = idOf(node)
    const above = callAbove[node]!
    const isAboveNameless = above !== -1 && idOf(above) === null
    if (id === null) {
      if (above !== -1) join(node, above)
      continue
    }
    const known = byResponseId.get(id)
    if (known === undefined) byResponseId.set(id, node)
    else join(node, known)
    if (isAboveNameless && !taken.has(above)) {
      taken.add(above)
      join(node, above)
    }
  }
  const groups = new Map<number, number[]>()
  for (const node of records) {
    const leader = leaderOf(node)
    const group = groups.get(leader)
    if (group === undefined) groups.set(leader, [node])
    else group.push(node)
  }
  return [...groups.values()]
}
