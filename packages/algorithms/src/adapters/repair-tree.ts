import { childrenOf, parentsFirst, type SpanNode, type SpanTree } from './build-tree.ts'
import { findEnclosing } from './find-enclosing.ts'
import type { OnFinding } from './findings.ts'

/** What repair has to know of a node. */
export interface RepairTraits {
  /** A model call holds nothing: what ran beside it is not inside it. */
  readonly isCall: (node: number) => boolean
  /** The spans below an agent are its own. */
  readonly isAgent: (node: number) => boolean
}

/**
 * Hangs spans that float at the top of a trace under the nearest span that encloses them in time: several tracing systems in
 * one program do not know each other's parents, and a gateway knows none at all.
 *
 * Only what lies directly below the outer frame is moved: below the root above several roots, or, where all spans have one
 * outer span (or a chain of them) that names no agent, below that session. Everything else keeps the parent it was recorded
 * with. A span moves only into one that strictly encloses it, never into a model call or out of the frame.
 *
 * Time cannot tell where a span belongs that ran beside several others. Of spans that lie within each other in time the
 * innermost wins. Where two that overlap only in part, or have the same times, both enclose it, it goes to the nearest span
 * that holds both of them by their recorded parents (parallel tools of one agent: the agent); where there is none, it stays
 * and is reported, since a call under the wrong agent does more harm than a call without one. Which of two whole agents that
 * ran at once is meant when one lies within the other in time, is a guess; spans with parents never need it.
 */
export function repairTree(tree: SpanTree, { isCall, isAgent }: RepairTraits, report: OnFinding): SpanTree {
  const { nodes, parents } = tree
  const frame = findFrame(tree, isAgent)
  if (frame === -1) return tree
  const order = parentsFirst(tree)
  const tops = new Int32Array(nodes.length).fill(-1)
  for (const node of order) tops[node] = parents[node] === frame ? node : node === tree.root ? -1 : tops[parents[node]!]!
  const floating = childrenAt(parents, frame).filter((node) => nodes[node]!.span === null || hasTimes(nodes[node]!))
  const holders = Array.from(nodes.keys()).filter((node) => canHold(node))
  const ranks = new Int32Array(nodes.length)
  for (const [rank, node] of order.entries()) ranks[node] = rank
  const lineage = { commonAncestor: createAncestorFinder(tree, order), rankOf: (node: number) => ranks[node]! }
  const found = findEnclosing(nodes, holders, floating, lineage)

  const repaired = parents.slice()
  const leaders = Int32Array.from(nodes.keys())
  for (const [node, { holder, isSure }] of found) {
    const target = isSure || canHoldNode(holder, node) ? holder : -1
    // Two trees that each hold a span enclosing the other's root: neither can be inside the other.
    if (target === -1 || leaderOf(leaders, tops[target]!) === node) {
      const reason =
        'Several spans that ran at the same time enclose it, so it cannot be told which one it belongs to; it stays at the top. ' +
        'Record its parent, or let the tracer see the context it runs in.'
      report({ kind: 'parent_ambiguous', spanId: nodes[node]!.id, reason })
      continue
    }
    repaired[node] = target
    leaders[node] = leaderOf(leaders, tops[target]!)
  }
  return { ...tree, parents: repaired }

  function canHold(node: number): boolean {
    const top = tops[node]!
    if (top === -1 || isCall(node) || !hasTimes(nodes[node]!)) return false
    // What outlives its own root says nothing reliable about others.
    return node === top || !strictlyEncloses(nodes[node]!, nodes[top]!)
  }
  function canHoldNode(holder: number, node: number): boolean {
    return tops[holder] !== -1 && canHold(holder) && strictlyEncloses(nodes[holder]!, nodes[node]!)
  }
}

/** The node whose children float; -1 when they do not. */
function findFrame({ nodes, parents, root }: SpanTree, isAgent: RepairTraits['isAgent']): number {
  const { first, list } = childrenOf(parents)
  let frame = root
  while (frame !== -1 && !(nodes[frame]!.span !== null && isAgent(frame))) {
    const count = first[frame + 1]! - first[frame]!
    if (count === 0) return -1
    if (count > 1) return frame
    frame = list[first[frame]!]!
  }
  return -1
}

function childrenAt(parents: Int32Array, frame: number): number[] {
  return Array.from(parents.keys()).filter((node) => parents[node] === frame)
}

function hasTimes({ span }: SpanNode): boolean {
  return span !== null && Number.isFinite(span.start_time) && Number.isFinite(span.end_time)
}

function strictlyEncloses(outer: SpanNode, inner: SpanNode): boolean {
  if (outer.start > inner.start || outer.end < inner.end) return false
  return outer.start < inner.start || outer.end > inner.end
}

function leaderOf(leaders: Int32Array, node: number): number {
  let at = node
  while (leaders[at] !== at) {
    leaders[at] = leaders[leaders[at]!]!
    at = leaders[at]!
  }
  return at
}

/**
 * The nearest common ancestor of two nodes, themselves included, in logarithmic time: each node keeps its parent and one
 * ancestor further up, chosen as in a skew-binary list (Myers, "An applicative random-access stack", 1983).
 */
function createAncestorFinder({ parents, nodes }: SpanTree, order: Int32Array): (a: number, b: number) => number {
  const depths = new Int32Array(nodes.length)
  const jumps = new Int32Array(nodes.length)
  for (const node of order) {
    const parent = parents[node]!
    if (parent === -1) {
      jumps[node] = node
      continue
    }
    const near = jumps[parent]!
    const far = jumps[near]!
    const nearSpan = depths[parent]! - depths[near]!
    const farSpan = depths[near]! - depths[far]!
    depths[node] = depths[parent]! + 1
    jumps[node] = nearSpan === farSpan ? far : parent
  }
  return (left, right) => {
    let [a, b] = depths[left]! >= depths[right]! ? [left, right] : [right, left]
    while (depths[a]! > depths[b]!) a = depths[jumps[a]!]! >= depths[b]! ? jumps[a]! : parents[a]!
    while (a !== b) {
      const isFar = jumps[a] !== jumps[b]
      a = isFar ? jumps[a]! : parents[a]!
      b = isFar ? jumps[b]! : parents[b]!
    }
    return a
  }
}
