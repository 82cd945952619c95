/** Calls that wait for a reward. */
export interface CallQueue<Call> {
  /**
   * The latest of those that are ready and were not taken before; undefined when there is none.
   * @param isReady must hold for a beginning of the calls as they were given, and for ever longer ones
   */
  take(isReady: (call: Call) => boolean): Call | undefined
}

/**
 * Hands out calls as the reference does by walking back from the newest, in O(log n) each.
 * @param calls in the order in which they become ready
 * @param rankOf a greater number is a later call
 * @param taken calls that have a reward, whoever gave it; what is handed out is added
 */
export function createCallQueue<Call>(
  calls: readonly Call[],
  rankOf: (call: Call) => number,
  taken: { has(call: Call): boolean },
): CallQueue<Call> {
  const heap: Call[] = []
  let read = 0
  return {
    take(isReady) {
      while (read < calls.length && isReady(calls[read]!)) push(heap, calls[read++]!, rankOf)
      let latest = pop(heap, rankOf)
      while (latest !== undefined && taken.has(latest)) latest = pop(heap, rankOf)
      return latest
    },
  }
}

function push<Call>(heap: Call[], call: Call, rankOf: (call: Call) => number): void {
  let at = heap.length
  heap.push(call)
  while (at > 0) {
    const above = (at - 1) >> 1
    if (rankOf(heap[above]!) >= rankOf(call)) break
    heap[at] = heap[above]!
    at = above
  }
  heap[at] = call
}

function pop<Call>(heap: Call[], rankOf: (call: Call) => number): Call | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return top
  let at = 0
  for (;;) {
    let below = 2 * at + 1
    if (below >= heap.length) break
    if (below + 1 < heap.length && rankOf(heap[below + 1]!) > rankOf(heap[below]!)) below += 1
    if (rankOf(heap[below]!) <= rankOf(last)) break
    heap[at] = heap[below]!
    at = below
  }
  heap[at] = last
  return top
}
