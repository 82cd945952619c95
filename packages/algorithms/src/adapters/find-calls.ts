import { agentNameOf, isRicher, type ModelCall } from '@agl/model-calls'
import { graderTag, type Span, spanAttributes, spanNames } from '@agl/types'
import { parentsFirst, type SpanTree } from './build-tree.ts'
import type { OnFinding } from './findings.ts'
import { groupRecords } from './group-records.ts'
import { isRewardSpan, readTags } from '@agl/types/spans'

/** One call of a model, whoever and how many recorded it. */
export interface FoundCall {
  readonly call: ModelCall
  /** Of the record that stands for it. */
  readonly span: Span
  /** Of its earliest record: a smaller number is an earlier call. */
  readonly node: number
  /** All its records, the earliest first. */
  readonly records: readonly number[]
  /** When its answer was there: the end of the record that ended first. */
  readonly end: number
  /** The least sequence id of its records. */
  readonly sequence: number
  /** The innermost agent that it ran in; null when none has a name. */
  readonly agentName: string | null
}

/** A test of names; null lets all pass. */
export type NameTest = ((name: string) => boolean) | null

/** Which calls count. */
export interface CallFilter {
  readonly agentTest: NameTest
  readonly excludeCallsInReward: boolean
  readonly dedupe: boolean
}

/** The calls that count, and the records of those that do not. */
export interface FoundCalls {
  /** In the order of time. */
  readonly calls: readonly FoundCall[]
  readonly leftOut: ReadonlySet<number>
}

/**
 * The calls of a tree. An agent's name holds for everything below it until the next agent; a call belongs where any of its
 * records does, so that a record of the gateway, which hangs nowhere, is told by the record of the client that hangs below
 * its agent. Likewise a call is a reward's as soon as one of its records is.
 *
 * @param recorded the call of each node that records one
 */
export function findCalls(
  tree: SpanTree,
  recorded: ReadonlyMap<number, ModelCall>,
  filter: CallFilter,
  report: OnFinding,
): FoundCalls {
  const scopes = readScopes(tree, recorded, filter.agentTest)
  const { nodes, spanCount } = tree
  const records = [...recorded.keys()].filter((node) => node < spanCount).sort((a, b) => a - b)
  const calls: FoundCall[] = []
  const leftOut = new Set<number>()
  for (const group of groupRecords(records, recorded, scopes.callAbove, filter.dedupe)) {
    const found = toCall(group)
    if (found === null) for (const node of group) leftOut.add(node)
    else calls.push(found)
  }
  return { calls: calls.sort((a, b) => a.node - b.node), leftOut }

  function toCall(group: readonly number[]): FoundCall | null {
    const answered = group.filter((node) => spanOf(node).status.status_code !== 'ERROR' && isAnswered(recorded.get(node)!))
    const best = richestOf(answered.length > 0 ? answered : group, recorded)
    const span = spanOf(best)
    const spanId = span.span_id
    for (const node of group) {
      if (node === best) continue
      const reason = `The span records the same call as span ${spanId}, which says more; the call counts once.`
      report({ kind: 'duplicate_call', spanId: spanOf(node).span_id, keptSpanId: spanId, reason })
    }
    if (answered.length === 0) {
      const failed = group.find((node) => spanOf(node).status.status_code === 'ERROR')
      if (failed === undefined) {
        const reason = 'The call has no answer: its tracer recorded the request only. Let it record the content of messages.'
        report({ kind: 'call_without_answer', spanId, reason })
      } else {
        const { description } = spanOf(failed).status
        report({
          kind: 'call_failed',
          spanId,
          reason: `The call failed${description ? `: ${description}` : ''}; it is left out.`,
        })
      }
      return null
    }
    const inScope = group.filter((node) => scopes.isOutside[node] === 0)
    const agentName = (inScope.length > 0 ? inScope : group).map((node) => scopes.agents[node]!).find((name) => name !== null)
    if (inScope.length === 0) {
      const place = agentName === undefined ? 'outside of every agent' : `in agent ${JSON.stringify(agentName)}`
      const reason = `The call ran ${place}, which agentMatch does not match; widen agentMatch if it is to be learnt from.`
      report({ kind: 'call_outside_agents', spanId, agentName: agentName ?? null, reason })
      return null
    }
    const inReward = group.reduce((most, node) => Math.max(most, scopes.inReward[node]!), 0)
    if (inReward === inGrader) {
      report({ kind: 'call_in_reward', spanId, reason: 'The call is one of a scorer of the runner, which nothing learns from.' })
      return null
    }
    if (filter.excludeCallsInReward && inReward > 0) {
      const reason = 'The call ran inside a reward (a judge); set excludeCallsInReward to false to learn from it.'
      report({ kind: 'call_in_reward', spanId, reason })
      return null
    }
    const end = answered.reduce((least, node) => Math.min(least, nodes[node]!.end), Infinity)
    const sequence = group.reduce((least, node) => Math.min(least, spanOf(node).sequence_id), Infinity)
    return { call: recorded.get(best)!, span, node: group[0]!, records: group, end, sequence, agentName: agentName ?? null }
  }
  function spanOf(node: number): Span {
    return nodes[node]!.span!
  }
}

/** Beside 1, in a reward that the agent gave itself, and 0. */
const inGrader = 2

interface Scopes {
  /** The innermost agent each node runs in; null without a name. */
  readonly agents: readonly (string | null)[]
  readonly isOutside: Uint8Array
  readonly inReward: Uint8Array
  /** The nearest recorded call above each node; -1 = none. */
  readonly callAbove: Int32Array
}

/** What holds for each node because of the nodes above it. Its own name and reward hold for what is below it. */
function readScopes(tree: SpanTree, recorded: ReadonlyMap<number, ModelCall>, agentTest: NameTest): Scopes {
  const { nodes, parents } = tree
  const agents: (string | null)[] = Array.from(nodes, () => null)
  const isOutside = new Uint8Array(nodes.length).fill(agentTest === null ? 0 : 1)
  const inReward = new Uint8Array(nodes.length)
  const callAbove = new Int32Array(nodes.length).fill(-1)
  // What holds below each node.
  const agentsBelow = agents.slice()
  const outsideBelow = isOutside.slice()
  const rewardBelow = inReward.slice()
  for (const node of parentsFirst(tree)) {
    const parent = parents[node]!
    if (parent !== -1) {
      agents[node] = agentsBelow[parent]!
      isOutside[node] = outsideBelow[parent]!
      inReward[node] = rewardBelow[parent]!
      callAbove[node] = recorded.has(parent) ? parent : callAbove[parent]!
    }
    const { span } = nodes[node]!
    const name = span === null ? null : agentNameOf(span)
    agentsBelow[node] = name ?? agents[node]!
    outsideBelow[node] = name === null ? isOutside[node]! : agentTest === null || agentTest(name) ? 0 : 1
    rewardBelow[node] = Math.max(inReward[node]!, span !== null && isRewardNode(span) ? rewardOf(span) : 0)
  }
  return { agents, isOutside, inReward, callAbove }
}

function rewardOf(span: Span): number {
  return readTags(span).includes(graderTag) ? inGrader : 1
}

/** Whether what is below a span was done to find a reward. */
function isRewardNode(span: Span): boolean {
  if (span.name === spanNames.operation && span.attributes[spanAttributes.operationName] === spanNames.reward) return true
  return isRewardSpan(span)
}

function isAnswered({ choices }: ModelCall): boolean {
  return choices.length > 0
}

/** The record that says most, the earlier one of equals. */
function richestOf(group: readonly number[], recorded: ReadonlyMap<number, ModelCall>): number {
  return group.reduce((best, node) => (isRicher(recorded.get(node)!, recorded.get(best)!) ? node : best))
}
