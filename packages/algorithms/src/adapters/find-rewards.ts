import { type Attributes, type Span, spanAttributes } from '@agl/types'
import { indexedGroups, readRewardDimensions, type RewardDimension } from '@agl/types/spans'
import type { SpanTree } from './build-tree.ts'
import type { OnFinding } from './findings.ts'

/** A span that holds a reward. */
export interface RewardAt {
  readonly node: number
  readonly span: Span
  readonly start: number
  /** At least one, the primary one first. */
  readonly dimensions: readonly RewardDimension[]
  /** Null when it names no call; empty when it names one in a form that cannot be read. */
  readonly links: readonly Link[] | null
}

export interface Link {
  readonly key: string
  readonly value: string
}

/** The rewards of a trace in the order of time. What is malformed is reported. */
export function findRewards({ nodes, spanCount }: SpanTree, report: OnFinding): readonly RewardAt[] {
  const rewards: RewardAt[] = []
  for (let node = 0; node < spanCount; node += 1) {
    const { span, start } = nodes[node]!
    const spanId = span!.span_id
    const dimensions = readRewardDimensions(span!, (problem) =>
      report({ kind: 'malformed_reward', spanId, reason: `It cannot be read whole: ${problem}. Emit it with emitReward.` }),
    )
    if (dimensions.length > 0) rewards.push({ node, span: span!, start, dimensions, links: readLinks(span!, report) })
  }
  return rewards
}

function readLinks({ span_id: spanId, attributes }: Span, report: OnFinding): readonly Link[] | null {
  const groups = indexedGroups(attributes, spanAttributes.link)
  if (groups.length === 0) return null
  const links = groups.flatMap(toLink)
  if (links.length === groups.length) return links
  const reason = `Each link needs ${spanAttributes.link}.{i}.key_match and .value_match, both texts; the reward goes nowhere.`
  report({ kind: 'malformed_link', spanId, reason })
  return []
}

function toLink({ key_match: key, value_match: value }: Attributes): readonly Link[] {
  return typeof key === 'string' && typeof value === 'string' ? [{ key, value }] : []
}
