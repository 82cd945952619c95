import {
  type Adapter,
  type Attributes,
  modelCallAttributes as names,
  parseOptions,
  type Span,
  spanAttributes,
  type Triplet,
} from '@agl/types'
import { indexedGroups, readReward } from '@agl/types/spans'
import { z } from 'zod'

/** A reward that no model call could be found for. */
export interface UnmatchedReward {
  readonly spanId: string
  readonly reward: number
}

export interface TripletAdapterOptions {
  /** Told about rewards that belong to no call; default: they are dropped, as in the reference. */
  readonly onUnmatchedReward?: (unmatched: UnmatchedReward) => void
}

/** An adapter that answers at once. */
export interface TripletAdapter extends Adapter<readonly Triplet[]> {
  adapt(spans: readonly Span[]): readonly Triplet[]
}

const optionsSchema = z.strictObject({
  onUnmatchedReward: z.custom<(unmatched: UnmatchedReward) => void>((value) => typeof value === 'function').optional(),
})

/**
 * Spans of one attempt → one triplet per model call, in the order of the calls. A call that both the gateway and an
 * instrumented library recorded counts once: the span with token ids stands for it. Rewards that name a call
 * (`agentlightning.link`) go there first; each of the others goes to the latest call before it that has none yet.
 */
export function createTripletAdapter(options: TripletAdapterOptions = {}): TripletAdapter {
  const { onUnmatchedReward } = parseOptions(optionsSchema, options, {}, 'options of createTripletAdapter')
  return Object.freeze({
    adapt(spans: readonly Span[]): readonly Triplet[] {
      const ordered = [...spans].sort((a, b) => a.sequence_id - b.sequence_id || (a.start_time ?? 0) - (b.start_time ?? 0))
      const calls = withoutDoubles(ordered.filter(isModelCall))
      const rewards = matchRewards(ordered, calls, onUnmatchedReward)
      return calls.map((call) => toTriplet(call, rewards.get(call) ?? null))
    },
  })
}

function isModelCall({ attributes, status }: Span): boolean {
  const isAnswered = names.responseTokenIds in attributes || `${names.completion}.0.role` in attributes
  return status.status_code !== 'ERROR' && isAnswered
}

/** One span per response id, the one with token ids if there is one; calls without a response id all stay. */
function withoutDoubles(calls: readonly Span[]): readonly Span[] {
  const chosen = new Map<unknown, Span>()
  for (const call of calls) {
    const key = call.attributes[names.responseId] ?? call
    const known = chosen.get(key)
    const isBetter =
      known !== undefined && !(names.responseTokenIds in known.attributes) && names.responseTokenIds in call.attributes
    if (known === undefined || isBetter) chosen.set(key, call)
  }
  const kept = new Set(chosen.values())
  return calls.filter((call) => kept.has(call))
}

function matchRewards(
  ordered: readonly Span[],
  calls: readonly Span[],
  onUnmatched: TripletAdapterOptions['onUnmatchedReward'],
): ReadonlyMap<Span, number> {
  const rewards = new Map<Span, number>()
  const take = (span: Span, reward: number, call: Span | undefined): void => {
    if (call === undefined || rewards.has(call)) onUnmatched?.({ spanId: span.span_id, reward })
    else rewards.set(call, reward)
  }
  const found = ordered.flatMap((span) => {
    const reward = readReward(span)
    return reward === null ? [] : [{ span, reward, links: indexedGroups(span.attributes, spanAttributes.link) }]
  })
  for (const { span, reward, links } of found) {
    if (links.length > 0)
      take(
        span,
        reward,
        calls.find((call) => links.every((link) => isLinked(call, link))),
      )
  }
  for (const { span, reward, links } of found) {
    if (links.length > 0) continue
    take(
      span,
      reward,
      calls.findLast((call) => call.sequence_id < span.sequence_id && !rewards.has(call)),
    )
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
      tokenIds: numbers(attributes[names.promptTokenIds]),
      rawContent: indexedGroups(attributes, names.prompt),
      imageUrls: [],
    },
    response: {
      tokenIds: numbers(attributes[names.responseTokenIds]),
      rawContent: indexedGroups(attributes, names.completion),
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
