import type { ModelCall } from '@agl/model-calls'
import { modelCallAttributes as names, type Span, spanNames } from '@agl/types'
import { agentNameOf } from './agent-name.ts'
import { buildTree, type SpanTree } from './build-tree.ts'
import { type CallFilter, findCalls, type FoundCalls, type NameTest } from './find-calls.ts'
import type { OnFinding } from './findings.ts'
import { readCall } from './read-call.ts'
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
  const recorded = readCalls(recordedTree, filter.callTest, report)
  const traits = {
    isCall: (node: number) => recorded.has(node),
    isAgent: (node: number) => agentNameOf(recordedTree.nodes[node]!.span!) !== null,
  }
  const tree = filter.repairHierarchy ? repairTree(recordedTree, traits, report) : recordedTree
  return { tree, ...findCalls(tree, recorded, filter, report) }
}

function readCalls({ nodes, spanCount }: SpanTree, callTest: NameTest, report: OnFinding): ReadonlyMap<number, ModelCall> {
  const recorded = new Map<number, ModelCall>()
  for (let node = 0; node < spanCount; node += 1) {
    const span = nodes[node]!.span!
    if (callTest !== null && !callTest(span.name)) continue
    const call = readCall(span)
    if (call !== null) recorded.set(node, call)
    else if (names.responseId in span.attributes || span.name === spanNames.chatCompletion) {
      const reason =
        'The span is that of a model call, but holds neither messages nor token ids: let its tracer record the content of messages.'
      report({ kind: 'call_without_answer', spanId: span.span_id, reason })
    } else if (callTest !== null) {
      const reason = 'The name of the span matches callMatch, but its attributes hold no model call in a form that is known.'
      report({ kind: 'malformed_attributes', spanId: span.span_id, reason })
    }
  }
  return recorded
}
