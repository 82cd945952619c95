import type { AttributeValue, Span } from '@agl/types'
import { parentsFirst, type SpanTree } from './build-tree.ts'
import type { FoundCall, FoundCalls } from './find-calls.ts'
import type { Link, RewardAt } from './find-rewards.ts'

/** The call that a reward's links mean, or why there is none. */
export type LinkResolver = (reward: RewardAt, links: readonly Link[]) => FoundCall | string

/**
 * A span is meant when all links hold for it: `span_id` and `trace_id` are its ids, any other key an attribute. Where several
 * calls are meant, the latest one before the reward that has none yet gets it. Where only other spans are meant (a tool, an
 * operation, an agent), the latest of them before the reward stands for one call: the call that it ran inside; else the last
 * call that ran inside it; else the latest call that had ended when it began, which is the one that asked for it.
 *
 * @param matched calls that have a reward
 */
export function createLinkResolver(
  tree: SpanTree,
  { calls, leftOut }: FoundCalls,
  rewards: readonly RewardAt[],
  matched: { has(call: FoundCall): boolean },
): LinkResolver {
  const find = createFinder(tree, rewards)
  const callAt = new Map(calls.flatMap((call) => call.records.map((node) => [node, call] as const)))
  const kin = lazily(() => createKin(tree, callAt))
  const before = lazily(() => createBefore(calls))
  const meanings = new Map<string, Meaning>()

  return (reward, links) => {
    if (links.length === 0) return 'its link cannot be read'
    const key = JSON.stringify(links)
    let meaning = meanings.get(key)
    if (meaning === undefined) meanings.set(key, (meaning = read(find(links))))
    if (meaning.calls.length > 0) {
      const call = takeCall(meaning, reward.node)
      return call ?? 'the call that it names has a reward already: give one reward of several dimensions'
    }
    if (meaning.isLeftOut) return 'the call that it names is left out, as its own finding says'
    const node = nearest(meaning.others, reward.node)
    if (node === undefined) return 'no span is what it names: link by a value that the span of the call carries'
    const call = kin().above(node) ?? kin().lastBelow(node) ?? before()(tree.nodes[node]!.start, node)
    if (call === undefined) return 'the span that it names belongs to no call'
    return matched.has(call) ? 'the call that it leads to has a reward already: give one reward of several dimensions' : call
  }

  function read(nodes: readonly number[]): Meaning {
    const meant = new Set<FoundCall>()
    for (const node of nodes) {
      const call = callAt.get(node)
      if (call !== undefined) meant.add(call)
    }
    const inTime = [...meant].sort((a, b) => a.node - b.node)
    return {
      calls: inTime,
      isLeftOut: nodes.some((node) => leftOut.has(node)),
      others: nodes,
      earlier: [],
      read: 0,
    }
  }

  /** Rewards come in the order of time, so each call is looked at once or twice in all. */
  function takeCall(meaning: Meaning, node: number): FoundCall | undefined {
    const { calls: meant, earlier } = meaning
    while (meaning.read < meant.length && meant[meaning.read]!.node < node) earlier.push(meant[meaning.read++]!)
    while (earlier.length > 0) {
      const call = earlier.pop()!
      if (!matched.has(call)) return call
    }
    while (meaning.read < meant.length) {
      const call = meant[meaning.read++]!
      if (!matched.has(call)) return call
    }
    return undefined
  }
}

interface Meaning {
  readonly calls: readonly FoundCall[]
  readonly isLeftOut: boolean
  readonly others: readonly number[]
  /** Calls before the last reward that asked, the latest at the end. */
  readonly earlier: FoundCall[]
  read: number
}

function lazily<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => (made ??= { value: make() }).value
}

/** Finds the spans that links hold for, ascending. Only keys that some reward names are looked up, in one pass. */
function createFinder(
  { nodes, spanCount }: SpanTree,
  rewards: readonly RewardAt[],
): (links: readonly Link[]) => readonly number[] {
  const index = new Map<string, Map<AttributeValue, number[]>>()
  for (const { links } of rewards) for (const { key } of links ?? []) index.set(key, new Map())
  const few = index.size <= 8 ? [...index.keys()] : null
  for (let node = 0; node < spanCount; node += 1) {
    const span = nodes[node]!.span!
    for (const key of few ?? ['span_id', 'trace_id', ...Object.keys(span.attributes)]) {
      const byValue = index.get(key)
      const value = valueOf(span, key)
      if (byValue === undefined || typeof value !== 'string') continue
      const known = byValue.get(value)
      if (known === undefined) byValue.set(value, [node])
      else known.push(node)
    }
  }
  return (links) => {
    const lists = links.map(({ key, value }) => index.get(key)?.get(value) ?? [])
    const shortest = lists.reduce((least, list) => (list.length < least.length ? list : least))
    return shortest.filter((node) => links.every(({ key, value }) => valueOf(nodes[node]!.span!, key) === value))
  }
}

/** The last node of an ascending list before the given one; else the first after it. */
function nearest(nodes: readonly number[], node: number): number | undefined {
  let low = 0
  let high = nodes.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (nodes[middle]! < node) low = middle + 1
    else high = middle
  }
  return nodes[low - 1] ?? (nodes[low] === node ? nodes[low + 1] : nodes[low])
}

function valueOf(span: Span, key: string): AttributeValue | undefined {
  return key === 'span_id' || key === 'trace_id' ? span[key] : span.attributes[key]
}

/** The calls around and inside a node. */
function createKin(
  tree: SpanTree,
  callAt: ReadonlyMap<number, FoundCall>,
): { readonly above: (node: number) => FoundCall | undefined; readonly lastBelow: (node: number) => FoundCall | undefined } {
  const { parents } = tree
  const order = parentsFirst(tree)
  const above: (FoundCall | undefined)[] = Array.from(tree.nodes, () => undefined)
  const below: (FoundCall | undefined)[] = Array.from(tree.nodes, () => undefined)
  for (const node of order) {
    const parent = parents[node]!
    if (parent !== -1) above[node] = callAt.get(parent) ?? above[parent]
  }
  for (const node of order.toReversed()) {
    const parent = parents[node]!
    if (parent === -1) continue
    const latest = laterOf(callAt.get(node), below[node])
    below[parent] = laterOf(latest, below[parent])
  }
  return { above: (node) => above[node], lastBelow: (node) => below[node] }
}

function laterOf(a: FoundCall | undefined, b: FoundCall | undefined): FoundCall | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a.node > b.node ? a : b
}

/** The latest call that had ended at a time. */
function createBefore(calls: readonly FoundCall[]): (time: number, node: number) => FoundCall | undefined {
  const byEnd = [...calls].sort((a, b) => a.end - b.end || a.node - b.node)
  const latest: FoundCall[] = []
  for (const call of byEnd) latest.push(laterOf(call, latest.at(-1))!)
  return (time, node) => {
    let low = 0
    let high = byEnd.length
    while (low < high) {
      const middle = (low + high) >> 1
      const { end, node: at } = byEnd[middle]!
      if (end < time || (end === time && at < node)) low = middle + 1
      else high = middle
    }
    return latest[low - 1]
  }
}
