import { rewardToAttributes } from '@agl/types/spans'
import { describe, expect, it, vi } from 'vitest'
import { kindsOf, makeAgent, makeCall, makeReward, makeSpan } from './spans.test-support.ts'
import { traceToTriplets } from './trace-to-triplets.ts'

const rewardsOf = (
  ...[spans, options]: [Parameters<ReturnType<typeof traceToTriplets>['adapt']>[0], Parameters<typeof traceToTriplets>[0]?]
) =>
  Object.fromEntries(
    traceToTriplets(options)
      .adapt(spans)
      .map(({ metadata, reward }) => [metadata['span_id'], reward]),
  )

describe('traceToTriplets', () => {
  it('reads tokens, texts, log-probabilities and what is known of a call', () => {
    const attributes = {
      'gen_ai.request.model': 'm',
      'gen_ai.request.temperature': 0.5,
      'gen_ai.response.model': 'm-1',
      'gen_ai.completion.0.finish_reason': 'stop',
      'agl.model_version': 'v3',
      'logprobs.content': '[{"token":"ho","logprob":-0.5}]',
    }
    const { triplets, findings } = traceToTriplets().report([
      makeCall('a', { sequence: 1, attributes }),
      makeReward('r', { quality: 0.25, speed: 1 }, { primary: 'quality' }),
    ])
    expect(triplets).toEqual([
      {
        prompt: { tokenIds: [1, 2], rawContent: [{ role: 'user', content: 'ask a' }], imageUrls: [] },
        response: {
          tokenIds: [3],
          rawContent: [{ role: 'assistant', content: 'answer a', finish_reason: 'stop' }],
          logprobs: [-0.5],
        },
        reward: 0.25,
        metadata: {
          span_id: 'a',
          sequence_id: 1,
          response_id: 're-a',
          agent_name: null,
          request_model: 'm',
          response_model: 'm-1',
          model_version: 'v3',
          finish_reason: 'stop',
          request: { model: 'm', temperature: 0.5 },
          response: { id: 're-a', model: 'm-1' },
          rewards: [
            { name: 'quality', value: 0.25 },
            { name: 'speed', value: 1 },
          ],
        },
      },
    ])
    expect(findings).toEqual([])
  })

  it('reads images out of parts that a tracer wrote as JSON text', () => {
    const content = JSON.stringify([
      { type: 'text', text: 'what is this?' },
      { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
      { type: 'image_url', image_url: null },
    ])
    const [triplet] = traceToTriplets().adapt([makeCall('a', { attributes: { 'gen_ai.prompt.0.content': content } })])
    expect(triplet!.prompt.imageUrls).toEqual(['https://example.com/a.png'])
  })

  it('puts calls in the order of time, whatever the order they were stored in', () => {
    const spans = [
      makeCall('late', { at: [5, 6], sequence: 1 }),
      makeCall('early', { at: [1, 9], sequence: 2 }),
      makeCall('tie', { at: [5, 6], sequence: 3 }),
    ]
    expect(
      traceToTriplets()
        .adapt(spans)
        .map(({ metadata }) => metadata['span_id']),
    ).toEqual(['early', 'late', 'tie'])
  })

  it('takes the place of a span without times from its sequence id, and says so', () => {
    const spans = [
      makeCall('a', { at: [1, 2], sequence: 1 }),
      makeCall('b', { at: [null, null], sequence: 2 }),
      makeCall('c', { at: [3, 4], sequence: 3 }),
    ]
    const { triplets, findings } = traceToTriplets().report(spans)
    expect(triplets.map(({ metadata }) => metadata['span_id'])).toEqual(['a', 'b', 'c'])
    expect(kindsOf(findings)).toEqual(['span_without_times b'])
  })

  it('tells what cannot be trained on and keeps it, unless it is told to leave it out', () => {
    const spans = [
      makeCall('a', { prompt: [] }),
      makeCall('b', { prompt: [], response: [] }),
      makeCall('c', { response: [] }),
      makeCall('d'),
      makeReward('r', 1),
    ]
    const kept = traceToTriplets().report(spans)
    expect(kept.triplets).toHaveLength(4)
    expect(kept.findings).toMatchObject([
      {
        kind: 'call_not_trainable',
        spanId: 'a',
        missing: 'prompt',
        reason: expect.stringMatching(/return_token_ids.*tokenIds: true/),
      },
      { kind: 'call_not_trainable', spanId: 'b', missing: 'both' },
      { kind: 'call_not_trainable', spanId: 'c', missing: 'response' },
    ])
    const skipped = traceToTriplets({ skipCallsWithoutTokenIds: true }).report([
      ...spans,
      makeReward('linked', 0.5, { links: { span_id: 'a' } }),
    ])
    expect(skipped.triplets.map(({ metadata, reward }) => [metadata['span_id'], reward])).toEqual([['d', 1]])
    expect(kindsOf(skipped.findings).slice(3)).toEqual(['reward_not_attached linked'])
    expect(skipped.findings.at(-1)!.reason).toMatch(/left out/)
  })

  it('leaves out what failed or has no answer, and says why', () => {
    const spans = [
      makeCall('failed', { status: { status_code: 'ERROR', description: 'HTTP 500' } }),
      makeSpan('asked', { attributes: { 'gen_ai.prompt.0.role': 'user', 'gen_ai.prompt.0.content': 'hi' } }),
      makeSpan('bare', { attributes: { 'gen_ai.response.id': 're' } }),
      makeSpan('step'),
    ]
    const { triplets, findings } = traceToTriplets().report(spans)
    expect(triplets).toEqual([])
    expect(kindsOf(findings).toSorted()).toEqual(['call_failed failed', 'call_without_answer asked', 'call_without_answer bare'])
    expect(findings.find(({ kind }) => kind === 'call_failed')!.reason).toContain('HTTP 500')
  })

  it('tells attributes that hold nothing it can use', () => {
    const attributes = { prompt_token_ids: ['1'], 'logprobs.content': '[{"logprob":-1},{"logprob":-2}]' }
    const { triplets, findings } = traceToTriplets().report([makeCall('a', { prompt: [], attributes })])
    expect(triplets[0]!.response).not.toHaveProperty('logprobs')
    expect(kindsOf(findings)).toEqual(['malformed_attributes a', 'malformed_attributes a', 'call_not_trainable a'])
  })

  it('tells how many answers of a call it did not use', () => {
    const attributes = { 'gen_ai.completion.1.role': 'assistant', 'gen_ai.completion.1.content': 'other' }
    const { findings } = traceToTriplets().report([makeCall('a', { attributes })])
    expect(findings).toMatchObject([{ kind: 'further_choices', spanId: 'a', count: 1 }])
  })

  it('takes only spans whose name matches, and tells those that hold no call', () => {
    const spans = [makeCall('a', { name: 'chat one' }), makeSpan('c', { name: 'one more' }), makeCall('b', { name: 'chat two' })]
    // A global expression would remember where it stopped.
    const { triplets, findings } = traceToTriplets({ callMatch: /one/g }).report(spans)
    expect(triplets.map(({ metadata }) => metadata['span_id'])).toEqual(['a'])
    expect(kindsOf(findings)).toEqual(['malformed_attributes c'])
  })

  it('tells each finding to onFinding too', () => {
    const onFinding = vi.fn()
    traceToTriplets({ onFinding }).adapt([makeReward('r', 0.7)])
    expect(onFinding).toHaveBeenCalledExactlyOnceWith({
      kind: 'reward_not_attached',
      spanId: 'r',
      reward: 0.7,
      reason: expect.stringContaining('link it to its call'),
    })
  })

  it.each([
    [{ agentMach: 'x' }, /agentMach/],
    [{ agentMatch: '(' }, /regular expression/],
    [{ rewardMatch: 'last' }, /rewardMatch/],
    [{ finalReward: Number.NaN }, /finalReward/],
  ])('refuses options %j', (options, text) => {
    expect(() => traceToTriplets(options as never)).toThrow(text)
  })

  describe('agents', () => {
    const spans = [
      makeSpan('root', { name: 'session', at: [0, 20] }),
      makeAgent('planner', 'planner', { parent: 'root', at: [1, 9] }),
      makeSpan('turn', { parent: 'planner', at: [1, 4] }),
      makeCall('inside', { parent: 'turn', at: [2, 3] }),
      makeAgent('helper', 'helper', { parent: 'planner', at: [4, 6] }),
      makeCall('helped', { parent: 'helper', at: [5, 5.5] }),
      makeCall('floating', { parent: 'root', at: [7, 8] }),
      makeCall('outside', { parent: 'root', at: [12, 13] }),
    ]

    it('takes the calls of the innermost agent that matches, with those that floated', () => {
      const { triplets, findings } = traceToTriplets({ agentMatch: 'plan' }).report(spans)
      expect(triplets.map(({ metadata }) => [metadata['span_id'], metadata['agent_name']])).toEqual([
        ['inside', 'planner'],
        ['floating', 'planner'],
      ])
      expect(findings).toMatchObject([
        { kind: 'call_outside_agents', spanId: 'helped', agentName: 'helper' },
        { kind: 'call_outside_agents', spanId: 'outside', agentName: null },
      ])
    })

    it('needs the repair for what floated', () => {
      const adapter = traceToTriplets({ agentMatch: /plan/, repairHierarchy: false })
      expect(adapter.adapt(spans).map(({ metadata }) => metadata['span_id'])).toEqual(['inside'])
    })

    it('names the agent of each call when all count', () => {
      expect(
        traceToTriplets()
          .adapt(spans)
          .map(({ metadata }) => metadata['agent_name']),
      ).toEqual(['planner', 'helper', 'planner', null])
    })
  })

  describe('several records of a call', () => {
    it('count once: the one with token ids, at the place of the first, with the agent that either knows', () => {
      const { triplets, findings } = traceToTriplets({ agentMatch: 'a', repairHierarchy: false }).report([
        makeAgent('agent', 'a', { at: [0, 9] }),
        makeCall('client', { parent: 'agent', at: [1, 2], responseId: 're-1', prompt: [], response: [] }),
        makeCall('other', { parent: 'agent', at: [3, 4] }),
        makeCall('gateway', { at: [5, 6], responseId: 're-1' }),
      ])
      expect(triplets.map(({ metadata }) => [metadata['span_id'], metadata['agent_name']])).toEqual([
        ['gateway', 'a'],
        ['other', 'a'],
      ])
      expect(findings).toMatchObject([{ kind: 'duplicate_call', spanId: 'client', keptSpanId: 'gateway' }])
    })

    it('are told apart by nothing inside one another without an id', () => {
      const spans = [
        makeCall('outer', { at: [1, 4], prompt: [], response: [] }),
        makeCall('inner', { parent: 'outer', at: [2, 3], responseId: null }),
        makeCall('wrapper', { at: [5, 9], responseId: null }),
        makeCall('wrapped', { parent: 'wrapper', at: [6, 7] }),
        makeCall('second', { parent: 'wrapper', at: [7, 8] }),
      ]
      const { triplets, findings } = traceToTriplets().report(spans)
      expect(triplets.map(({ metadata }) => metadata['span_id'])).toEqual(['inner', 'wrapper', 'second'])
      expect(kindsOf(findings)).toEqual(['duplicate_call outer', 'duplicate_call wrapped'])
      expect(traceToTriplets({ dedupe: false }).adapt(spans)).toHaveLength(5)
    })

    it('are kept where one of them failed', () => {
      const aborted = { status_code: 'ERROR', description: 'aborted' } as const
      const spans = [
        makeCall('client', { responseId: 're-1', status: aborted }),
        makeCall('gateway', { responseId: 're-1', prompt: [], response: [] }),
      ]
      expect(
        traceToTriplets()
          .adapt(spans)
          .map(({ metadata }) => metadata['span_id']),
      ).toEqual(['gateway'])
    })
  })

  describe('rewards', () => {
    it('leave out the calls of a judge', () => {
      const operation = { 'agentlightning.operation.name': 'agentlightning.reward' }
      const spans = [
        makeCall('own', { at: [1, 2] }),
        makeSpan('judging', { name: 'agentlightning.operation', at: [3, 6], attributes: operation }),
        makeSpan('thinking', { parent: 'judging', at: [3, 6] }),
        makeCall('judge', { parent: 'thinking', at: [4, 5] }),
        makeReward('r', 1, { at: [7, 7] }),
      ]
      const { triplets, findings } = traceToTriplets().report(spans)
      expect(triplets.map(({ metadata, reward }) => [metadata['span_id'], reward])).toEqual([['own', 1]])
      expect(kindsOf(findings)).toEqual(['call_in_reward judge'])
      expect(traceToTriplets({ excludeCallsInReward: false }).adapt(spans)).toHaveLength(2)
    })

    it('go to the latest call that had ended and has none yet; those after go further back; the last is told', () => {
      const spans = [
        makeCall('a', { at: [1, 2] }),
        makeCall('b', { at: [3, 4] }),
        makeReward('r1', 0.1, { at: [5, 5] }),
        makeReward('r2', 0.2, { at: [6, 6] }),
        makeReward('r3', 0.3, { at: [7, 7] }),
      ]
      const { triplets, findings } = traceToTriplets().report(spans)
      expect(triplets.map(({ reward }) => reward)).toEqual([0.2, 0.1])
      expect(findings).toMatchObject([{ kind: 'reward_not_attached', spanId: 'r3', reward: 0.3 }])
    })

    it('go to a call that ends as they begin, and pass over one that still runs', () => {
      const spans = [
        makeCall('done', { at: [1, 5] }),
        makeCall('running', { at: [2, 9] }),
        makeReward('r', 1, { at: [5, 5] }),
        makeReward('s', 0.5, { at: [10, 10] }),
      ]
      expect(rewardsOf(spans)).toEqual({ done: 1, running: 0.5 })
    })

    it('of a machine whose clock is behind go by the order of the store, which is told', () => {
      const spans = [makeCall('a', { at: [10, 11], sequence: 1 }), makeReward('r', 1, { at: [10.9, 10.9], sequence: 2 })]
      const { triplets, findings } = traceToTriplets().report(spans)
      expect(triplets[0]!.reward).toBe(1)
      expect(findings).toMatchObject([{ kind: 'reward_matched_by_sequence', spanId: 'r', callSpanId: 'a' }])
      const before = [makeReward('r', 1, { at: [1, 1], sequence: 1 }), makeCall('a', { at: [2, 3], sequence: 2 })]
      expect(kindsOf(traceToTriplets().report(before).findings)).toEqual(['reward_not_attached r'])
    })

    it('go among siblings only when told so', () => {
      const spans = [
        makeSpan('root', { at: [0, 10] }),
        makeAgent('agent', 'one', { parent: 'root', at: [1, 9] }),
        makeAgent('agent-2', 'two', { parent: 'root', at: [1, 9] }),
        makeCall('llm-1', { parent: 'agent', at: [2, 3] }),
        makeCall('llm-2', { parent: 'agent-2', at: [3.1, 3.2] }),
        makeReward('r', 0.8, { parent: 'agent', at: [3.5, 3.6] }),
      ]
      expect(rewardsOf(spans, { rewardMatch: 'first_sibling' })).toEqual({ 'llm-1': 0.8, 'llm-2': null })
      expect(rewardsOf(spans)).toEqual({ 'llm-1': null, 'llm-2': 0.8 })
      expect(rewardsOf(spans, { rewardMatch: null })).toEqual({ 'llm-1': null, 'llm-2': null })
    })

    it('of former days are read', () => {
      const forms = [
        makeSpan('r', { attributes: { 'agentops.task.output': '{"type":"reward","value":0.5}' } }),
        makeSpan('r', { attributes: { 'agentops.entity.output': '{"type":"reward","value":0.5}' } }),
        makeSpan('r', { name: 'agentlightning.annotation', attributes: { reward: 0.5 } }),
        makeSpan('r', { name: 'agentlightning.reward', attributes: { reward: 0.5 } }),
      ]
      for (const form of forms) expect(rewardsOf([makeCall('a', { at: [0, 0], sequence: 0 }), form])).toEqual({ a: 0.5 })
    })

    it('that are malformed are told, and foreign names are not taken for rewards', () => {
      const report = (attributes: Parameters<typeof makeSpan>[1] & object) =>
        traceToTriplets().report([makeCall('a', { sequence: 1 }), makeSpan('r', attributes)])
      expect(kindsOf(report({ attributes: { 'agentlightning.reward.0.value': 1 } }).findings)).toEqual(['malformed_reward r'])
      expect(kindsOf(report({ attributes: { 'agentops.task.output': '{"type":"reward","value":"x"}' } }).findings)).toEqual([
        'malformed_reward r',
      ])
      const half = report({ attributes: { ...rewardToAttributes(1), 'agentlightning.reward.1.name': 'speed' } })
      expect(kindsOf(half.findings)).toEqual(['malformed_reward r'])
      expect(half.triplets[0]!.reward).toBe(1)
      expect(report({ attributes: { 'agentlightning.rewards': 'x', reward: 2, 'agentlightning.reward': 3 } }).findings).toEqual(
        [],
      )
    })

    it('of the last call may be given', () => {
      expect(rewardsOf([makeCall('a'), makeCall('b'), makeReward('r', 0.5)], { finalReward: 1 })).toEqual({ a: null, b: 1 })
      expect(traceToTriplets({ finalReward: 1 }).adapt([])).toEqual([])
    })
  })

  describe('links of rewards', () => {
    it('come before order, whatever comes first', () => {
      const spans = [
        makeCall('a'),
        makeCall('b'),
        makeReward('r', 0.5),
        makeReward('l', 1, { links: { 'gen_ai.response.id': 're-b' } }),
      ]
      expect(rewardsOf(spans)).toEqual({ a: 0.5, b: 1 })
    })

    it('must hold all of them', () => {
      const links = { trace_id: 'trace-1', 'gen_ai.response.id': 're-a', 'gen_ai.prompt.0.content': 'ask b' }
      const { triplets, findings } = traceToTriplets().report([makeCall('a'), makeCall('b'), makeReward('r', 1, { links })])
      expect(triplets.map(({ reward }) => reward)).toEqual([null, null])
      expect(findings[0]).toMatchObject({
        kind: 'reward_not_attached',
        reason: expect.stringContaining('no span is what it names'),
      })
    })

    it('that fit several calls mean the latest before that has none', () => {
      const links = { trace_id: 'trace-1' }
      const spans = [
        makeCall('a'),
        makeCall('b'),
        makeReward('r', 0.1, { links }),
        makeReward('s', 0.2, { links }),
        makeCall('c'),
        makeReward('t', 0.3, { links }),
        makeReward('u', 0.4, { links }),
      ]
      expect(rewardsOf(spans)).toEqual({ a: 0.2, b: 0.1, c: 0.3 })
    })

    it('to a tool mean the call that asked for it, to an operation the last call in it, to what is in a call that call', () => {
      const spans = [
        makeCall('asks', { at: [1, 2] }),
        makeSpan('tool', { at: [3, 6] }),
        makeCall('beside', { at: [4, 5] }),
        makeSpan('operation', { at: [7, 12] }),
        makeCall('first', { parent: 'operation', at: [8, 9] }),
        makeCall('last', { parent: 'operation', at: [10, 11] }),
        makeCall('around', { at: [13, 16] }),
        makeSpan('within', { parent: 'around', at: [14, 15] }),
        ...['tool', 'operation', 'within'].map((id, index) =>
          makeReward(`r-${id}`, index, { at: [20, 20], links: { span_id: id } }),
        ),
      ]
      expect(rewardsOf(spans, { repairHierarchy: false })).toEqual({ asks: 0, beside: null, first: null, last: 1, around: 2 })
    })

    it('to a record that was folded mean the call, and to a call that is left out none', () => {
      const spans = [
        makeAgent('agent', 'a', { at: [0, 9] }),
        makeCall('client', { parent: 'agent', at: [1, 2], responseId: 're-1', prompt: [] }),
        makeCall('gateway', { parent: 'agent', at: [1, 2], responseId: 're-1' }),
        makeCall('elsewhere', { at: [20, 21] }),
        makeReward('r', 1, { at: [22, 22], links: { span_id: 'client' } }),
        makeReward('s', 0.5, { at: [23, 23], links: { span_id: 'elsewhere' } }),
        makeReward('t', 0.25, { at: [24, 24], links: { span_id: 'gateway' } }),
      ]
      const { triplets, findings } = traceToTriplets({ agentMatch: 'a' }).report(spans)
      expect(triplets.map(({ metadata, reward }) => [metadata['span_id'], reward])).toEqual([['gateway', 1]])
      expect(kindsOf(findings)).toEqual([
        'duplicate_call client',
        'call_outside_agents elsewhere',
        'reward_not_attached s',
        'reward_not_attached t',
      ])
      expect(findings.at(-1)!.reason).toMatch(/has a reward already/)
    })

    it('that cannot be read leave the reward to nobody', () => {
      const broken = makeSpan('r', { attributes: { ...rewardToAttributes(1), 'agentlightning.link.0.key_match': 'span_id' } })
      const { triplets, findings } = traceToTriplets().report([makeCall('a', { sequence: 0 }), broken])
      expect(triplets[0]!.reward).toBeNull()
      expect(kindsOf(findings)).toEqual(['malformed_link r', 'reward_not_attached r'])
    })
  })
})
