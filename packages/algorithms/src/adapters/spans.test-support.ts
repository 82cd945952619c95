/** Test support: spans by hand and at random. */
import type { Attributes, Span } from '@agl/types'
import { rewardToAttributes } from '@agl/types/spans'
import fc from 'fast-check'
import type { Finding } from './findings.ts'

export interface SpanParts {
  readonly parent?: string | null
  /** Start and end in seconds; default: the sequence id, twice. */
  readonly at?: readonly [number | null, number | null]
  /** Default: one more than the last. */
  readonly sequence?: number
  readonly name?: string
  readonly attributes?: Attributes
  readonly status?: Span['status']
}

let lastSequence = 0

export function makeSpan(id: string, parts: SpanParts = {}): Span {
  const sequence = parts.sequence ?? lastSequence + 1
  lastSequence = sequence
  const [start, end] = parts.at ?? [sequence, sequence]
  return {
    rollout_id: 'ro-1',
    attempt_id: 'at-1',
    sequence_id: sequence,
    trace_id: 'trace-1',
    span_id: id,
    parent_id: parts.parent ?? null,
    name: parts.name ?? 'step',
    status: parts.status ?? { status_code: 'OK', description: null },
    attributes: parts.attributes ?? {},
    events: [],
    links: [],
    start_time: start,
    end_time: end,
    context: null,
    parent: null,
    resource: { attributes: {}, schema_url: '' },
  }
}

export interface CallParts extends SpanParts {
  readonly prompt?: readonly number[]
  readonly response?: readonly number[]
  /** Null for a call without one; default: `re-` and the span's id. */
  readonly responseId?: string | null
}

/** A model call as the gateway records it. */
export function makeCall(id: string, { prompt = [1, 2], response = [3], responseId, ...parts }: CallParts = {}): Span {
  const attributes = {
    'gen_ai.prompt.0.role': 'user',
    'gen_ai.prompt.0.content': `ask ${id}`,
    'gen_ai.completion.0.role': 'assistant',
    'gen_ai.completion.0.content': `answer ${id}`,
    ...(responseId === null ? {} : { 'gen_ai.response.id': responseId ?? `re-${id}` }),
    ...(prompt.length === 0 ? {} : { prompt_token_ids: prompt }),
    ...(response.length === 0 ? {} : { response_token_ids: response }),
    ...parts.attributes,
  }
  return makeSpan(id, { name: 'openai.chat.completion', ...parts, attributes })
}

export function makeReward(
  id: string,
  value: number | Readonly<Record<string, number>>,
  {
    links = {},
    primary,
    ...parts
  }: SpanParts & { readonly links?: Readonly<Record<string, string>>; readonly primary?: string } = {},
): Span {
  const attributes = rewardToAttributes(value, { links, ...(primary === undefined ? {} : { primary }) })
  return makeSpan(id, { name: 'agentlightning.annotation', ...parts, attributes })
}

export function makeAgent(id: string, name: string, parts: SpanParts = {}): Span {
  return makeSpan(id, { name: 'agent', ...parts, attributes: { 'agent.name': name } })
}

export function kindsOf(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ kind, spanId }) => `${kind} ${spanId}`)
}

/** Any traces: few ids and times, so that ties, rings, missing parents and double ids are common. */
export const anySpans: fc.Arbitrary<readonly Span[]> = fc
  .array(
    fc.record({
      id: fc.integer({ min: 0, max: 14 }),
      parent: fc.option(fc.integer({ min: 0, max: 16 })),
      start: fc.option(fc.integer({ min: 0, max: 12 }), { freq: 9 }),
      length: fc.option(fc.integer({ min: -1, max: 8 }), { freq: 9 }),
      sequence: fc.integer({ min: 0, max: 15 }),
      kind: fc.constantFrom('step', 'call', 'call', 'reward', 'reward', 'agent', 'link', 'judge', 'noise'),
      value: fc.integer({ min: 0, max: 3 }),
      noise: fc.dictionary(
        fc.constantFrom(
          'prompt_token_ids',
          'response_token_ids',
          'logprobs.content',
          'gen_ai.prompt.0.role',
          'gen_ai.completion.0.tool_calls.0.id',
          'gen_ai.request.a.b',
          'gen_ai.request.a',
          'gen_ai.completion.0.content',
          'agentlightning.reward.0.value',
          'agentlightning.reward.x',
          'agentlightning.rewards',
          'agentlightning.link.0.key_match',
          'agentops.task.output',
          'tool.name',
          'gen_ai.response.id',
        ),
        fc.oneof(
          fc.constantFrom('', '[null]', '{"type":"reward","value":"x"}', 'user'),
          fc.double(),
          fc.constant([1, 2]),
          fc.boolean(),
        ),
        { maxKeys: 6 },
      ),
    }),
    { maxLength: 24 },
  )
  .map((list) => list.map(toSpan))

interface AnyParts {
  readonly id: number
  readonly parent: number | null
  readonly start: number | null
  readonly length: number | null
  readonly sequence: number
  readonly kind: string
  readonly value: number
  readonly noise: Attributes
}

function toSpan({ id, parent, start, length, sequence, kind, value, noise }: AnyParts): Span {
  const at = [start, start === null || length === null ? null : start + length] as const
  const parts = { parent: parent === null ? null : `s${parent}`, at, sequence }
  switch (kind) {
    case 'call':
      return makeCall(`s${id}`, {
        ...parts,
        responseId: value === 0 ? null : `re-${value}-${id % 3}`,
        response: id % 4 === 0 ? [] : [id],
      })
    case 'reward':
      return makeReward(`s${id}`, value / 2, parts)
    case 'link':
      return makeReward(`s${id}`, value / 2, {
        ...parts,
        links: value === 0 ? { span_id: `s${sequence}` } : { 'agent.name': 'b' },
      })
    case 'agent':
      return makeAgent(`s${id}`, value % 2 === 0 ? 'a' : 'b', parts)
    case 'judge':
      return makeSpan(`s${id}`, {
        ...parts,
        name: 'agentlightning.operation',
        attributes: { 'agentlightning.operation.name': 'agentlightning.reward' },
      })
    case 'noise':
      return makeSpan(`s${id}`, { ...parts, attributes: noise })
    default:
      return makeSpan(`s${id}`, parts)
  }
}

/** Large traces: what a recursive or quadratic walk would not survive. */
export const largeTraces: Readonly<Record<string, (count: number) => readonly Span[]>> = {
  'a deep chain': (count) => fill(count, (index) => ({ parent: index - 1, at: [index, 2 * count - index] })),
  'a wide tree': (count) => fill(count, (index) => ({ parent: index === 0 ? -1 : 0, at: [index, index + 0.5] })),
  'a random tree': (count) =>
    fill(count, (index) => ({
      parent: index === 0 ? -1 : Math.imul(index, 0x9e3779b1) >>> 0 > 2 ** 31 ? -1 : (Math.imul(index, 0x85ebca6b) >>> 0) % index,
      at: [(Math.imul(index, 0xc2b2ae35) >>> 0) % count, count + ((Math.imul(index, 0x27d4eb2f) >>> 0) % count)],
    })),
  'roots only': (count) => fill(count, (index) => ({ parent: -1, at: [index, 2 * count - (index % 1000) * 17] })),
  'one ring': (count) => fill(count, (index) => ({ parent: (index + 1) % count, at: [index, index] })),
}

/** Every third span is a call, every third a reward: some linked, some not. */
function fill(
  count: number,
  place: (index: number) => { readonly parent: number; readonly at: readonly [number, number] },
): readonly Span[] {
  return Array.from({ length: count }, (_, index) => {
    const { parent, at } = place(index)
    const parts = { parent: parent < 0 ? null : `s${parent}`, at, sequence: index + 1 }
    if (index % 3 === 1)
      return makeCall(`s${index}`, { ...parts, prompt: [index % 50, 1], responseId: index % 2 === 0 ? null : `re-${index}` })
    if (index % 3 === 2)
      return makeReward(`s${index}`, 1, { ...parts, links: index % 2 === 0 ? { span_id: `s${index - 1}` } : {} })
    return index % 9 === 0 ? makeAgent(`s${index}`, 'a', parts) : makeSpan(`s${index}`, parts)
  })
}
