import type { RewardDimension } from '@agl/types/spans'
import type { SpanTree } from './build-tree.ts'
import { createCallQueue } from './call-queue.ts'
import type { FoundCall, FoundCalls } from './find-calls.ts'
import type { RewardAt } from './find-rewards.ts'
import type { OnFinding } from './findings.ts'
import { createLinkResolver } from './resolve-links.ts'

/**
 * Where a reward that names no call goes. `first_occurrence`: to the latest call that had ended before it and has none yet.
 * `first_sibling`: the same, among the calls that have the same parent. Null: nowhere.
 */
export type RewardMatch = 'first_occurrence' | 'first_sibling' | null

/** The reward of each call that has one. */
export type MatchedRewards = Map<FoundCall, readonly RewardDimension[]>

/** Gives each reward to at most one call and each call at most one reward: those with links first. What is left is reported. */
export function matchRewards(
  tree: SpanTree,
  found: FoundCalls,
  rewards: readonly RewardAt[],
  policy: RewardMatch | 'sequence',
  report: OnFinding,
): MatchedRewards {
  const matched: MatchedRewards = new Map()
  const resolve = createLinkResolver(tree, found, rewards, matched)
  for (const reward of rewards) {
    if (reward.links === null) continue
    const target = resolve(reward, reward.links)
    if (typeof target === 'string') reportLeft(reward, target, report)
    else matched.set(target, reward.dimensions)
  }
  const unlinked = rewards.filter(({ links }) => links === null)
  switch (policy) {
    case null:
      for (const reward of unlinked) {
        reportLeft(reward, 'it names no call and rewardMatch is null: link it, or set rewardMatch', report)
      }
      return matched
    case 'first_occurrence':
      matchBySequence(matchByTime(found.calls, unlinked, matched), found.calls, matched, report)
      return matched
    case 'first_sibling':
      matchSiblings(tree, found.calls, unlinked, matched, report)
      return matched
    case 'sequence':
      for (const reward of matchToEarlier(unlinked, found.calls, matched)) reportLeft(reward, noneBefore, report)
      return matched
    default:
      return policy satisfies never
  }
}

const noneBefore = 'no call before it is without a reward: link it to its call'

/** Gives each reward to the latest call with a strictly smaller sequence id that has none; answers those that found none. */
function matchToEarlier(
  rewards: readonly RewardAt[],
  calls: readonly FoundCall[],
  matched: MatchedRewards,
  onMatch: (reward: RewardAt, call: FoundCall) => void = () => {},
): readonly RewardAt[] {
  const bySequence = [...calls].sort((a, b) => a.sequence - b.sequence || a.node - b.node)
  const ranks = new Map(bySequence.map((call, rank) => [call, rank]))
  const queue = createCallQueue(bySequence, (call) => ranks.get(call)!, matched)
  return [...rewards]
    .sort((a, b) => a.span.sequence_id - b.span.sequence_id)
    .filter((reward) => {
      const call = queue.take(({ sequence }) => sequence < reward.span.sequence_id)
      if (call === undefined) return true
      matched.set(call, reward.dimensions)
      onMatch(reward, call)
      return false
    })
}

function matchByTime(calls: readonly FoundCall[], rewards: readonly RewardAt[], matched: MatchedRewards): readonly RewardAt[] {
  const queue = createCallQueue(byEnd(calls), ({ node }) => node, matched)
  return rewards.filter((reward) => !give(reward, queue.take(isBefore(reward)), matched))
}

/**
 * The clocks of several machines differ by more than the time between an answer and the reward for it, so what found no call
 * by time is placed as the store received it. The reference drops such rewards.
 */
function matchBySequence(
  rewards: readonly RewardAt[],
  calls: readonly FoundCall[],
  matched: MatchedRewards,
  report: OnFinding,
): void {
  const left = matchToEarlier(rewards, calls, matched, ({ span }, call) => {
    const callSpanId = call.span.span_id
    const reason =
      `By their times the reward came before call ${callSpanId} had ended, but the store received it after. ` +
      'Link the reward to its call if that is not the one, or set the clocks.'
    report({ kind: 'reward_matched_by_sequence', spanId: span.span_id, callSpanId, reason })
  })
  for (const reward of left) reportLeft(reward, noneBefore, report)
}

function matchSiblings(
  { parents }: SpanTree,
  calls: readonly FoundCall[],
  rewards: readonly RewardAt[],
  matched: MatchedRewards,
  report: OnFinding,
): void {
  const families = new Map<number, FoundCall[]>()
  for (const call of calls) {
    for (const parent of new Set(call.records.map((node) => parents[node]!))) {
      const family = families.get(parent)
      if (family === undefined) families.set(parent, [call])
      else family.push(call)
    }
  }
  const queues = new Map(
    [...families].map(([parent, family]) => [parent, createCallQueue(byEnd(family), ({ node }) => node, matched)]),
  )
  for (const reward of rewards) {
    const call = queues.get(parents[reward.node]!)?.take(isBefore(reward))
    if (give(reward, call, matched)) continue
    reportLeft(reward, 'no call before it with the same parent is without a reward: link it to its call', report)
  }
}

function give(reward: RewardAt, call: FoundCall | undefined, matched: MatchedRewards): boolean {
  if (call !== undefined) matched.set(call, reward.dimensions)
  return call !== undefined
}

function byEnd(calls: readonly FoundCall[]): readonly FoundCall[] {
  return [...calls].sort((a, b) => a.end - b.end || a.node - b.node)
}

/** A call that ends as the reward begins counts, if it began before it. */
function isBefore({ start, node }: RewardAt): (call: FoundCall) => boolean {
  return (call) => call.end < start || (call.end === start && call.node < node)
}

/** What becomes of a reward that no call gets. */
function reportLeft({ span, dimensions }: RewardAt, why: string, report: OnFinding): void {
  const reward = dimensions[0]!.value
  report({ kind: 'reward_not_attached', spanId: span.span_id, reward, reason: `The reward ${reward} is no call's: ${why}.` })
}
