import { agentNameOf } from '@agl/model-calls'
import type { Span } from '@agl/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildTree, parentsFirst, type SpanTree } from './build-tree.ts'
import type { Finding } from './findings.ts'
import { repairTree } from './repair-tree.ts'
import { anySpans, kindsOf, makeAgent, makeCall, makeSpan } from './spans.test-support.ts'

const isCallSpan = ({ name }: Span): boolean => name === 'openai.chat.completion'

function repair(spans: readonly Span[]) {
  const findings: Finding[] = []
  const before = buildTree(spans, () => {})
  const isCall = (node: number): boolean => isCallSpan(before.nodes[node]!.span!)
  const isAgent = (node: number): boolean => agentNameOf(before.nodes[node]!.span!) !== null
  const after = repairTree(before, { isCall: (node) => before.nodes[node]!.span !== null && isCall(node), isAgent }, (finding) =>
    findings.push(finding),
  )
  return { before, after, findings, parents: parentsOf(after) }
}

function parentsOf({ nodes, parents }: SpanTree): Record<string, string | null> {
  return Object.fromEntries(nodes.map(({ id }, node) => [id, nodes[parents[node]!]?.id ?? null]))
}

describe('repairTree', () => {
  it('hangs what floats under the innermost span that encloses it, at any depth', () => {
    const { parents, findings } = repair([
      makeAgent('agent', 'a', { at: [0, 10] }),
      makeSpan('turn', { parent: 'agent', at: [1, 9] }),
      makeSpan('tool', { parent: 'turn', at: [2, 5] }),
      makeCall('in-tool', { at: [3, 4] }),
      makeCall('in-turn', { at: [6, 7] }),
      makeCall('outside', { at: [11, 12] }),
    ])
    expect(parents).toMatchObject({ 'in-tool': 'tool', 'in-turn': 'turn', outside: 'virtual-root', turn: 'agent' })
    expect(findings).toEqual([])
  })

  it('moves out of a session that names no agent, and out of no agent', () => {
    const below = (root: Span): readonly Span[] => [
      root,
      makeAgent('agent', 'a', { parent: 'root', at: [1, 9] }),
      makeCall('call', { parent: 'root', at: [2, 3] }),
    ]
    expect(repair(below(makeSpan('root', { at: [0, 10] }))).parents['call']).toBe('agent')
    expect(repair(below(makeAgent('root', 'boss', { at: [0, 10] }))).parents['call']).toBe('root')
  })

  it('looks for the session below a chain of single spans', () => {
    const { parents } = repair([
      makeSpan('process', { at: [0, 30] }),
      makeSpan('session', { parent: 'process', at: [1, 20] }),
      makeAgent('agent', 'a', { parent: 'session', at: [2, 10] }),
      makeCall('call', { parent: 'session', at: [3, 4] }),
    ])
    expect(parents['call']).toBe('agent')
  })

  it('never hangs a call under a call, nor one of two with the same times under the other', () => {
    const { parents } = repair([
      makeCall('long', { at: [0, 10] }),
      makeCall('short', { at: [2, 3] }),
      makeSpan('twin-1', { at: [4, 5] }),
      makeSpan('twin-2', { at: [4, 5] }),
    ])
    expect(new Set(Object.values(parents))).toEqual(new Set(['virtual-root', null]))
  })

  it('gives what ran beside two spans to the one that holds both, and leaves it where there is none', () => {
    const spans = (parent: string | null): readonly Span[] => [
      makeAgent('agent', 'a', { at: [0, 20] }),
      makeSpan('left', { parent, at: [1, 6] }),
      makeSpan('right', { parent, at: [3, 8] }),
      makeCall('call', { at: [4, 5] }),
    ]
    expect(repair(spans('agent')).parents['call']).toBe('agent')
    const apart = repair([
      makeAgent('one', 'a', { at: [1, 6] }),
      makeAgent('two', 'b', { at: [3, 8] }),
      makeCall('call', { at: [4, 5] }),
    ])
    expect(apart.parents['call']).toBe('virtual-root')
    expect(kindsOf(apart.findings)).toEqual(['parent_ambiguous call'])
  })

  it('cannot tell two spans with the same times apart either', () => {
    const { parents, findings } = repair([
      makeAgent('one', 'a', { at: [1, 6] }),
      makeAgent('two', 'b', { at: [1, 6] }),
      makeCall('call', { at: [2, 3] }),
    ])
    expect(parents['call']).toBe('virtual-root')
    expect(kindsOf(findings)).toEqual(['parent_ambiguous call'])
    const nested = repair([
      makeAgent('one', 'a', { at: [1, 6] }),
      makeSpan('two', { parent: 'one', at: [1, 6] }),
      makeCall('call', { at: [2, 3] }),
    ])
    expect(nested.parents['call']).toBe('two')
  })

  it('hangs neither of two trees under the other where each would hold the other', () => {
    const { parents, findings } = repair([
      makeSpan('one', { at: [2, 3] }),
      makeSpan('one-late', { parent: 'one', at: [4, 9] }),
      makeSpan('two', { at: [5, 6] }),
      makeSpan('two-early', { parent: 'two', at: [1, 4.5] }),
    ])
    expect([parents['one'], parents['two']].toSorted()).toEqual(['two-early', 'virtual-root'])
    expect(kindsOf(findings)).toEqual(['parent_ambiguous two'])
  })

  it('keeps every span once and moves it only into what encloses it, for any spans', () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const { before, after } = repair(spans)
        expect([...parentsFirst(after)].toSorted((a, b) => a - b)).toEqual([...before.nodes.keys()])
        const seen = new Set<number>([-1])
        for (const node of parentsFirst(after)) {
          const parent = after.parents[node]!
          expect(seen.has(parent)).toBe(true)
          seen.add(node)
          if (parent === before.parents[node]) continue
          const [inner, outer] = [after.nodes[node]!, after.nodes[parent]!]
          expect(outer.start <= inner.start && outer.end >= inner.end).toBe(true)
          expect(isCallSpan(outer.span!)).toBe(false)
        }
      }),
    )
  })

  it('finds what looking at every pair finds, where spans lie within each other', () => {
    const interval = fc.record({
      start: fc.integer({ min: 0, max: 60 }),
      length: fc.integer({ min: 0, max: 60 }),
      isCall: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(interval, { minLength: 2, maxLength: 14 }), (intervals) => {
        const spans = intervals.map(({ start, length, isCall }, index) =>
          (isCall ? makeCall : makeSpan)(`s${index}`, { at: [start, start + length] }),
        )
        const { parents } = repair(spans)
        for (const span of spans) {
          const enclosing = spans.filter((other) => !isCallSpan(other) && strictlyEncloses(other, span))
          const innermost = enclosing.filter((one) => enclosing.every((other) => other === one || strictlyEncloses(other, one)))
          const expected = innermost.length === 1 ? innermost[0]!.span_id : 'virtual-root'
          expect([span.span_id, parents[span.span_id]]).toEqual([span.span_id, expected])
        }
      }),
    )
  })
})

function strictlyEncloses(outer: Span, inner: Span): boolean {
  if (outer.start_time! > inner.start_time! || outer.end_time! < inner.end_time!) return false
  return outer.start_time! < inner.start_time! || outer.end_time! > inner.end_time!
}
