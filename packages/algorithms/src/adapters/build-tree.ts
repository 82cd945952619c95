import type { Span } from '@agl/types'
import type { OnFinding } from './findings.ts'
import { orderSpans } from './order-spans.ts'

export interface SpanNode {
  readonly id: string
  /** Null for a node that stands for a parent that is missing, or for the root above several roots. */
  readonly span: Span | null
  /** Epoch seconds; of a node without span: of what lies below it. */
  readonly start: number
  readonly end: number
}

/**
 * The spans of an attempt as one tree. Nodes are known by their place in `nodes`: the spans come first, in the order of
 * time, so that a smaller number is an earlier span; nodes without span follow.
 */
export interface SpanTree {
  readonly nodes: readonly SpanNode[]
  /** How many nodes are spans. */
  readonly spanCount: number
  /** -1 in a tree without nodes. */
  readonly root: number
  /** Of each node; -1 for the root. */
  readonly parents: Int32Array
}

/**
 * One tree of all spans, each exactly once. A parent that is not among the spans becomes a node without span; several roots
 * come under one more such node; a ring of parents is cut above its earliest span, which becomes a root. Linear but for
 * sorting, and without recursion: depth is no limit.
 */
export function buildTree(spans: readonly Span[], report: OnFinding): SpanTree {
  const nodes: SpanNode[] = orderSpans(spans, report).map(({ span, start, end }) => ({ id: span.span_id, span, start, end }))
  const spanCount = nodes.length
  const parents = findParents(nodes, report)
  cutCycles(nodes, parents, report)
  let roots = 0
  let root = -1
  for (const [node, parent] of parents.entries()) {
    if (parent !== -1) continue
    roots += 1
    root = node
  }
  if (roots > 1) {
    root = nodes.length
    for (const [node, parent] of parents.entries()) if (parent === -1) parents[node] = root
    parents.push(-1)
    let end = -Infinity
    for (const node of nodes) end = Math.max(end, node.end)
    nodes.push({ id: 'virtual-root', span: null, start: nodes[0]!.start, end })
  }
  return { nodes, spanCount, root, parents: Int32Array.from(parents) }
}

/** The recorded parent of each node; adds a node for each parent that is missing. */
function findParents(nodes: SpanNode[], report: OnFinding): number[] {
  const numbers = new Map(nodes.map(({ id }, index) => [id, index]))
  const spanCount = nodes.length
  const parents: number[] = []
  const missing = new Map<string, { number: number; start: number; end: number; children: number }>()
  for (const { span, start, end } of nodes) {
    const parentId = span?.parent_id ?? null
    const known = parentId === null || parentId === '' ? -1 : numbers.get(parentId)
    if (known !== undefined) {
      parents.push(known)
      continue
    }
    const gap = missing.get(parentId!) ?? { number: spanCount + missing.size, start, end, children: 0 }
    missing.set(parentId!, gap)
    gap.end = Math.max(gap.end, end)
    gap.children += 1
    parents.push(gap.number)
  }
  for (const [id, { start, end, children }] of missing) {
    nodes.push({ id, span: null, start, end })
    parents.push(-1)
    const reason =
      `${children} span${children === 1 ? '' : 's'} name this parent, which is not among the spans: it was not exported, ` +
      'or belongs to another process. What it would have said (an agent, a reward) is not known.'
    report({ kind: 'parent_missing', spanId: id, reason })
  }
  return parents
}

/** Each node points at one parent, so a walk upwards ends at a root, at ground that is known, or at itself. */
function cutCycles(nodes: readonly SpanNode[], parents: number[], report: OnFinding): void {
  const walkOf = new Int32Array(nodes.length)
  for (let begin = 0; begin < nodes.length; begin += 1) {
    let node = begin
    while (node !== -1 && walkOf[node] === 0) {
      walkOf[node] = begin + 1
      node = parents[node]!
    }
    if (node === -1 || walkOf[node] !== begin + 1) continue
    let earliest = node
    for (let other = parents[node]!; other !== node; other = parents[other]!) earliest = Math.min(earliest, other)
    parents[earliest] = -1
    const reason = 'The span is among its own ancestors; it counts as a root. Whoever wrote the spans mixed up their ids.'
    report({ kind: 'cycle_cut', spanId: nodes[earliest]!.id, reason })
  }
}

/** The nodes with every parent before its children. */
export function parentsFirst({ nodes, parents, root }: Pick<SpanTree, 'nodes' | 'parents' | 'root'>): Int32Array {
  const { first, list } = childrenOf(parents)
  const order = new Int32Array(nodes.length)
  if (root === -1) return order
  order[0] = root
  let known = 1
  for (let read = 0; read < known; read += 1) {
    const node = order[read]!
    for (let at = first[node]!; at < first[node + 1]!; at += 1) order[known++] = list[at]!
  }
  return order
}

/** The children of node n are `list[first[n]]` up to before `list[first[n + 1]]`, in ascending order. */
export function childrenOf(parents: Int32Array): { readonly first: Int32Array; readonly list: Int32Array } {
  const first = new Int32Array(parents.length + 1)
  for (const parent of parents) if (parent !== -1) first[parent + 1]! += 1
  for (let node = 0; node < parents.length; node += 1) first[node + 1]! += first[node]!
  const next = first.slice()
  const list = new Int32Array(parents.length)
  for (let node = 0; node < parents.length; node += 1) {
    const parent = parents[node]!
    if (parent !== -1) list[next[parent]!++] = node
  }
  return { first, list }
}
