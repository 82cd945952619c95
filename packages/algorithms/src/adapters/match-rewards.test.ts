import type { Span } from '@agl/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRewardSpan, readReward } from '@agl/types/spans'
import { llmProxyTraceToTriplets } from './llm-proxy-trace-to-triplets.ts'
import { anySpans, largeTraces, makeCall, makeReward, makeSpan } from './spans.test-support.ts'
import { traceToMessages } from './trace-to-messages.ts'
import { traceToTokenRows } from './trace-to-token-rows.ts'
import { traceToTriplets, type TripletAdapter } from './trace-to-triplets.ts'

const adapters: Readonly<Record<string, TripletAdapter>> = {
  first_occurrence: traceToTriplets(),
  first_sibling: traceToTriplets({ rewardMatch: 'first_sibling' }),
  none: traceToTriplets({ rewardMatch: null }),
  agent: traceToTriplets({ agentMatch: 'a', skipCallsWithoutTokenIds: true }),
  'without repair and dedupe': traceToTriplets({ repairHierarchy: false, dedupe: false, excludeCallsInReward: false }),
  proxy: llmProxyTraceToTriplets(),
}

describe.each(Object.entries(adapters))('rewards by %s', (_, adapter) => {
  it('are each attached once or reported, for any spans', () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const { triplets, findings } = adapter.report(spans)
        const last = new Map(spans.map((span) => [span.span_id, span]))
        const rewards = [...last.values()].filter((span) => isRewardSpan(span))
        const attached = triplets.filter(({ reward }) => reward !== null)
        const left = findings.filter(({ kind }) => kind === 'reward_not_attached')
        expect(attached.length + left.length).toBe(rewards.length)
        expect(new Set(left.map(({ spanId }) => spanId)).size).toBe(left.length)
        const values = [...attached.map(({ reward }) => reward), ...left.map((finding) => 'reward' in finding && finding.reward)]
        expect(values.toSorted()).toEqual(rewards.map((span) => readReward(span)).toSorted())
      }),
    )
  })

  it('leaves no call out without saying so, for any spans', () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const { triplets, findings } = adapter.report(spans)
        const told = new Set(findings.map(({ spanId }) => spanId))
        const kept = new Set(triplets.map(({ metadata }) => metadata['span_id']))
        const calls = spans.filter(({ name }) => name === 'openai.chat.completion').map(({ span_id: id }) => id)
        expect(calls.filter((id) => !kept.has(id) && !told.has(id))).toEqual([])
      }),
    )
  })
})

describe('first_occurrence', () => {
  it('gives what walking back over the calls gives', () => {
    const step = fc.record({
      start: fc.integer({ min: 0, max: 12 }),
      length: fc.integer({ min: 0, max: 6 }),
      isReward: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 16 }), (steps) => {
        // Sequence ids fall, so that order by the store never helps.
        const spans = steps.map(({ start, length, isReward }, index) =>
          isReward
            ? makeReward(`r${index}`, index, { at: [start, start], sequence: -100 + index })
            : makeCall(`c${index}`, { at: [start, start + length], sequence: index }),
        )
        const found = traceToTriplets()
          .adapt(spans)
          .map(({ metadata, reward }) => [metadata['span_id'], reward])
        expect(Object.fromEntries(found)).toEqual(walkBack(spans))
      }),
    )
  })
})

/** The reference's rule, written down as it is told. */
function walkBack(spans: readonly Span[]): Record<string, number | null> {
  const inTime = spans.toSorted((a, b) => a.start_time! - b.start_time! || a.sequence_id - b.sequence_id)
  const given: Record<string, number | null> = {}
  for (const [index, span] of inTime.entries()) {
    if (span.name === 'openai.chat.completion') given[span.span_id] = null
    else {
      const call = inTime.slice(0, index).findLast((one) => given[one.span_id] === null && one.end_time! <= span.start_time!)
      if (call !== undefined) given[call.span_id] = Number(span.attributes['agentlightning.reward.0.value'])
    }
  }
  return given
}

describe('llmProxyTraceToTriplets', () => {
  it('goes by sequence ids alone, strictly: later rewards fill in earlier calls', () => {
    // Clocks that say the opposite.
    const at = (sequence: number) => ({ sequence, at: [100 - sequence, 100 - sequence] as const })
    const spans = [
      makeCall('2', at(2)),
      makeCall('4', at(4)),
      makeReward('r5', 0.1, at(5)),
      makeCall('6', at(6)),
      makeReward('r7', 0.2, at(7)),
      makeReward('r8', 0.3, at(8)),
    ]
    const found = llmProxyTraceToTriplets()
      .adapt(spans)
      .map(({ metadata, reward }) => [metadata['span_id'], reward])
    expect(found).toEqual([
      ['2', 0.3],
      ['4', 0.1],
      ['6', 0.2],
    ])
  })

  it('gives a call no reward with its own sequence id or an earlier one; zero is a reward', () => {
    const spans = [
      makeReward('early', 1, { sequence: 1 }),
      makeCall('a', { sequence: 2 }),
      makeReward('same', 2, { sequence: 2 }),
      makeReward('late', 0, { sequence: 3 }),
    ]
    const { triplets, findings } = llmProxyTraceToTriplets().report(spans)
    expect(triplets.map(({ reward }) => reward)).toEqual([0])
    expect(findings.map(({ spanId }) => spanId)).toEqual(['early', 'same'])
  })

  it('leaves out calls without token ids and counts a response once', () => {
    const spans = [makeCall('a', { responseId: 're' }), makeCall('b', { responseId: 're' }), makeCall('c', { prompt: [] })]
    const { triplets, findings } = llmProxyTraceToTriplets().report(spans)
    expect(triplets.map(({ metadata }) => metadata['span_id'])).toEqual(['a'])
    expect(findings.map(({ kind }) => kind)).toEqual(['duplicate_call', 'call_not_trainable'])
  })

  it('refuses options that it does not know', () => {
    expect(() => llmProxyTraceToTriplets({ agentMatch: 'x' } as never)).toThrow(/agentMatch/)
  })
})

describe('every adapter', () => {
  it('never throws, for any spans', () => {
    const others = [traceToMessages(), traceToMessages({ mergeConversations: true }), traceToTokenRows({ maxTokens: 3 })]
    fc.assert(
      fc.property(anySpans, (spans) => {
        for (const adapter of [...others, ...Object.values(adapters)]) expect(Array.isArray(adapter.adapt(spans))).toBe(true)
      }),
    )
  })

  it.each(Object.entries(largeTraces))('reads %s of 100,000 spans without running out of stack', (_, make) => {
    const { rows, findings } = traceToTokenRows().report(make(100_000))
    expect(rows.length + findings.length).toBeGreaterThan(33_000)
  })

  it('reads keys as deep as anybody can write them', () => {
    const deep = { [`gen_ai.request${'.a'.repeat(50_000)}`]: 1 }
    expect(traceToTriplets().adapt([makeCall('a', { attributes: deep }), makeSpan('b', { attributes: deep })])).toHaveLength(1)
  })
})
