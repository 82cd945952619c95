import { type Adapter, type Attributes, modelCallAttributes as names, type Span, spanAttributes, type Triplet } from '@agl/types'
import { indexedGroups, readReward } from '@agl/types/spans'

/** A reward that no model call could be found for. */
export interface UnmatchedReward {
  readonly spanId: string
  readonly reward: number
}

export interface TripletAdapterOptions {
  /** Told about rewards that belong to no call; default: they are dropped, as in the reference. */
  readonly onUnmatchedReward?: (unmatched: UnmatchedReward) => void
}

/**
 * Spans of one attempt → one triplet per model call, in the order of the calls. A reward goes to the call it links to
 * (`agentlightning.link`), else to the latest call before it that has none yet.
 */
export function createTripletAdapter(options: TripletAdapterOptions = {}): Adapter<readonly Triplet[]> {
  return Object.freeze({
    adapt(spans: readonly Span[]): readonly Triplet[] {
      const ordered = [...spans].sort((a, b) => a.sequence_id - b.sequence_id || (a.start_time ?? 0) - (b.start_time ?? 0))
      const calls = ordered.filter(isModelCall)
      const rewards = matchRewards(ordered, calls, options.onUnmatchedReward)
      return calls.map((call) => toTriplet(call, rewards.get(call) ?? null))
    },
  })
}

function isModelCall({ attributes, status }: Span): boolean {
  return status.status_code !== 'ERROR' && (names.responseTokenIds in attributes || `${names.completion}.0.role` in attributes)
}

function matchRewards(
  ordered: readonly Span[],
  calls: readonly Span[],
  onUnmatched: TripletAdapterOptions['onUnmatchedReward'],
): ReadonlyMap<Span, number> {
  const rewards = new Map<Span, number>()
  for (const span of ordered) {
    const reward = readReward(span)
    if (reward === null) continue
    const links = indexedGroups(span.attributes, spanAttributes.link)
    const call =
      links.length > 0
        ? calls.find((candidate) => links.every((link) => isLinked(candidate, link)))
        : calls.findLast((candidate) => candidate.sequence_id < span.sequence_id && !rewards.has(candidate))
    if (call === undefined) onUnmatched?.({ spanId: span.span_id, reward })
    else rewards.set(call, reward)
  }
  return rewards
}

function isLinked(span: Span, link: Attributes): boolean {
  const { key_match: key, value_match: value } = link
  if (key === 'span_id' || key === 'trace_id') return span[key] === value
  return typeof key === 'string' && span.attributes[key] === value
}

function toTriplet(span: Span, reward: number | null): Triplet {
  const { attributes } = span
  const logprobs = readLogprobs(attributes[names.logprobsContent])
  return {
    prompt: {
      token_ids: numbers(attributes[names.promptTokenIds]),
      raw_content: indexedGroups(attributes, names.prompt),
      image_urls: [],
    },
    response: {
      token_ids: numbers(attributes[names.responseTokenIds]),
      raw_content: indexedGroups(attributes, names.completion),
      ...(logprobs === null ? {} : { logprobs }),
    },
    reward,
    metadata: {
      span_id: span.span_id,
      sequence_id: span.sequence_id,
      response_id: attributes[names.responseId] ?? null,
      request_model: attributes[names.requestModel] ?? null,
      response_model: attributes[names.responseModel] ?? null,
      finish_reason: attributes[`${names.completion}.0.finish_reason`] ?? null,
    },
  }
}

function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number') ? value : []
}

function readLogprobs(value: unknown): readonly number[] | null {
  if (typeof value !== 'string') return null
  try {
    const parsed: unknown = JSON.parse(value)
    return Array.isArray(parsed) ? parsed.map((entry) => Number((entry as { logprob?: unknown }).logprob)) : null
  } catch {
    return null
  }
}
