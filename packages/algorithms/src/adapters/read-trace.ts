import { agentNameOf, explainModelCall, type ModelCall } from '@agl/model-calls'
import { modelCallAttributes as names, type Span, spanNames } from '@agl/types'
import { buildTree, type SpanTree } from './build-tree.ts'
import { type CallFilter, findCalls, type FoundCalls, type NameTest } from './find-calls.ts'
import type { OnFinding } from './findings.ts'
import { repairTree } from './repair-tree.ts'

/** What every adapter reads a trace by. */
export interface TraceFilter extends CallFilter {
  readonly callTest: NameTest
  readonly repairHierarchy: boolean
}

/** The spans of one attempt as a tree, and the calls in it that count. */
export interface Trace extends FoundCalls {
  readonly tree: SpanTree
}

export function readTrace(spans: readonly Span[], filter: TraceFilter, report: OnFinding): Trace {
  const recordedTree = buildTree(spans, report)
  const problems = new Map<string, readonly string[]>()
  const recorded = readCalls(recordedTree, filter.callTest, problems, report)
  const traits = {
    isCall: (node: number) => recorded.has(node),
    isAgent: (node: number) => agentNameOf(recordedTree.nodes[node]!.span!) !== null,
  }
  const tree = filter.repairHierarchy ? repairTree(recordedTree, traits, report) : recordedTree
  const found = findCalls(tree, recorded, filter, (finding) => {
    // What a record says badly matters only where no better one stands for its call.
    if (finding.kind === 'duplicate_call') problems.delete(finding.spanId)
    report(finding)
  })
  for (const [spanId, reasons] of problems) {
    for (const reason of reasons) report({ kind: 'malformed_attributes', spanId, reason })
  }
  return { tree, ...found }
}

/** @param problems gets what is malformed, by span id */
function readCalls(
  { nodes, spanCount }: SpanTree,
  callTest: NameTest,
  problems: Map<string, readonly string[]>,
  report: OnFinding,
): ReadonlyMap<number, ModelCall> {
  const recorded = new Map<number, ModelCall>()
  for (let node = 0; node < spanCount; node += 1) {
    const span = nodes[node]!.span!
    if (callTest !== null && !callTest(span.name)) continue
    const { call, problems: found } = explainModelCall(span)
    if (found.length > 0) problems.set(span.span_id, found)
    if (call !== null) recorded.set(node, call)
    else if (names.responseId in span.attributes || span.name === spanNames.chatCompletion) {
      const reason =
        'The span is that of a model call, but holds neither messages nor token ids: let its tracer record the content.'
      report({ kind: 'call_without_answer', spanId: span.span_id, reason })
    } else if (callTest !== null) {
      const reason = 'The name of the span matches callMatch, but its attributes hold no model call in a form that is known.'
      report({ kind: 'malformed_attributes', spanId: span.span_id, reason })
    }
  }
  return recorded
}
