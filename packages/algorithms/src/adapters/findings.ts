/** What every finding says. */
interface About<Kind extends string> {
  readonly kind: Kind
  /** The span it is about. */
  readonly spanId: string
  /** What happened, and what to do about it. */
  readonly reason: string
}

/** Something an adapter left out, cut, folded or could not read. Nothing is dropped without one. */
export type Finding =
  | (About<'reward_not_attached'> & { readonly reward: number })
  /** By the clocks the reward came before its call had ended; by the store's order it came after. */
  | (About<'reward_matched_by_sequence'> & { readonly callSpanId: string })
  | About<'malformed_reward'>
  | About<'malformed_link'>
  /** The call stays among the triplets, unless `skipCallsWithoutTokenIds`. */
  | (About<'call_not_trainable'> & { readonly missing: 'prompt' | 'response' | 'both' })
  | About<'call_failed'>
  | About<'call_without_answer'>
  /** Another record stands for the call. */
  | (About<'duplicate_call'> & { readonly keptSpanId: string })
  | (About<'call_outside_agents'> & { readonly agentName: string | null })
  | About<'call_in_reward'>
  /** The call had several answers; only the first one is learnt from. */
  | (About<'further_choices'> & { readonly count: number })
  | About<'malformed_attributes'>
  | About<'tool_call_without_id'>
  | About<'duplicate_span'>
  | About<'span_without_times'>
  /** `spanId` is the parent that is not among the spans. */
  | About<'parent_missing'>
  | About<'cycle_cut'>
  | About<'parent_ambiguous'>
  /** `sharedTokens`: how far the prompt agrees with the row of the call before it. */
  | (About<'row_not_contiguous'> & { readonly sharedTokens: number })
  | (About<'row_truncated'> & { readonly cutTokens: number; readonly cutSampledTokens: number })
  | (About<'conversation_merged'> & { readonly keptSpanId: string })

export type FindingKind = Finding['kind']

/** Told each finding as it is made. */
export type OnFinding = (finding: Finding) => void

/** How many findings of which kind. */
export type FindingCounts = Readonly<Partial<Record<FindingKind, number>>>

/** How many findings of which kind there are, in the order in which the kinds first appear. */
export function countFindings(findings: readonly Finding[]): FindingCounts {
  const counts: Partial<Record<FindingKind, number>> = {}
  for (const { kind } of findings) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
