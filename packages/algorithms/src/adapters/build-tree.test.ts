import type { Span } from '@agl/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildTree, parentsFirst } from './build-tree.ts'
import type { Finding } from './findings.ts'
import { anySpans, kindsOf, makeSpan } from './spans.test-support.ts'

function build(spans: readonly Span[]) {
  const findings: Finding[] = []
  const tree = buildTree(spans, (finding) => findings.push(finding))
  const idOf = (node: number): string | null => (node === -1 ? null : tree.nodes[node]!.id)
  const parents = Object.fromEntries(tree.nodes.map(({ id }, node) => [id, idOf(tree.parents[node]!)]))
  return { tree, parents, findings }
}

describe('buildTree', () => {
  it('keeps a single root as it is', () => {
    const { parents, findings } = build([makeSpan('child', { parent: 'root' }), makeSpan('root')])
    expect(parents).toEqual({ child: 'root', root: null })
    expect(findings).toEqual([])
  })

  it('stands a node in for a parent that is missing, over the time of its children, and says so', () => {
    const { tree, parents, findings } = build([
      makeSpan('a', { parent: 'ghost', at: [2, 4] }),
      makeSpan('b', { parent: 'ghost', at: [1, 5] }),
      makeSpan('c', { parent: 'a', at: [0, 9] }),
    ])
    expect(parents).toEqual({ a: 'ghost', b: 'ghost', c: 'a', ghost: null })
    expect(tree.nodes[tree.root]).toEqual({ id: 'ghost', span: null, start: 1, end: 5 })
    expect(findings).toMatchObject([{ kind: 'parent_missing', spanId: 'ghost', reason: expect.stringContaining('2 spans') }])
  })

  it('puts several roots under one', () => {
    const { tree, parents } = build([
      makeSpan('a', { at: [1, 5] }),
      makeSpan('b', { at: [3, 9] }),
      makeSpan('c', { parent: 'b', at: [4, 4] }),
    ])
    expect(parents).toEqual({ a: 'virtual-root', b: 'virtual-root', c: 'b', 'virtual-root': null })
    expect(tree.nodes[tree.root]).toMatchObject({ span: null, start: 1, end: 9 })
  })

  it('cuts a ring above its earliest span and says so; nothing is lost', () => {
    const { parents, findings } = build([
      makeSpan('b', { parent: 'a', at: [2, 2] }),
      makeSpan('a', { parent: 'c', at: [1, 1] }),
      makeSpan('c', { parent: 'b', at: [3, 3] }),
      makeSpan('below', { parent: 'c', at: [4, 4] }),
      // Earlier than the ring, and led into it at another place than its earliest span.
      makeSpan('before', { parent: 'c', at: [0, 0] }),
      makeSpan('self', { parent: 'self', at: [5, 5] }),
    ])
    expect(parents).toEqual({
      a: 'virtual-root',
      b: 'a',
      c: 'b',
      below: 'c',
      before: 'c',
      self: 'virtual-root',
      'virtual-root': null,
    })
    expect(kindsOf(findings)).toEqual(['cycle_cut a', 'cycle_cut self'])
  })

  it('takes a span that came twice as it came last, and says so', () => {
    const { tree, findings } = build([makeSpan('a', { name: 'first' }), makeSpan('a', { name: 'second' })])
    expect(tree.nodes.map(({ span }) => span!.name)).toEqual(['second'])
    expect(kindsOf(findings)).toEqual(['duplicate_span a'])
  })

  it('is empty for no spans', () => {
    expect(build([]).tree).toMatchObject({ nodes: [], root: -1 })
  })

  it('holds every span once, parents before children, without a ring, for any spans', () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const { tree } = build(spans)
        const ids = tree.nodes.slice(0, tree.spanCount).map(({ id }) => id)
        expect(ids.toSorted()).toEqual([...new Set(spans.map(({ span_id: id }) => id))].toSorted())
        const order = [...parentsFirst(tree)]
        expect(order.toSorted((a, b) => a - b)).toEqual([...tree.nodes.keys()])
        const seen = new Set<number>([-1])
        for (const node of order) {
          expect(seen.has(tree.parents[node]!)).toBe(true)
          seen.add(node)
        }
        expect([...tree.parents].filter((parent) => parent === -1)).toHaveLength(spans.length === 0 ? 0 : 1)
      }),
    )
  })
})
