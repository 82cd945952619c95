import { type Attributes, type Span } from '@agl/types'
import { buildSpan, rewardToAttributes } from '@agl/types/spans'
import { describe, expect, it, vi } from 'vitest'
import { createTripletAdapter } from './triplets.ts'

let sequence = 0
function span(name: string, attributes: Attributes, sequenceId: number = (sequence += 1)): Span {
  return {
    ...buildSpan({ rolloutId: 'r', attemptId: 'a', name, attributes, startTime: sequenceId, endTime: sequenceId }),
    sequence_id: sequenceId,
  }
}
function call(id: string, sequenceId?: number): Span {
  const attributes = {
    'gen_ai.response.id': id,
    'gen_ai.prompt.0.role': 'user',
    'gen_ai.prompt.0.content': 'hi',
    'gen_ai.completion.0.role': 'assistant',
    'gen_ai.completion.0.content': 'ho',
    prompt_token_ids: [1, 2],
    response_token_ids: [3],
    'logprobs.content': '[{"token":"ho","logprob":-0.5}]',
  }
  return span('openai.chat.completion', attributes, sequenceId)
}
const reward = (value: number, options = {}, sequenceId?: number): Span =>
  span('agentlightning.annotation', rewardToAttributes(value, options), sequenceId)

describe('createTripletAdapter', () => {
  it('reads tokens, texts, log-probabilities and ids of a call', () => {
    expect(createTripletAdapter().adapt([call('a'), reward(1)])).toEqual([
      {
        prompt: { tokenIds: [1, 2], rawContent: [{ role: 'user', content: 'hi' }], imageUrls: [] },
        response: { tokenIds: [3], rawContent: [{ role: 'assistant', content: 'ho' }], logprobs: [-0.5] },
        reward: 1,
        metadata: expect.objectContaining({ response_id: 'a' }),
      },
    ])
  })

  it('matches rewards by order like the reference: each to the latest earlier call that has none', () => {
    const spans = [call('2', 2), call('4', 4), reward(0.1, {}, 5), call('6', 6), reward(0.2, {}, 7), reward(0.3, {}, 8)]
    const triplets = createTripletAdapter().adapt(spans.toReversed())
    expect(triplets.map(({ metadata, reward }) => [metadata['response_id'], reward])).toEqual([
      ['2', 0.3],
      ['4', 0.1],
      ['6', 0.2],
    ])
  })

  it('matches a linked reward to its call, whatever the order', () => {
    const triplets = createTripletAdapter().adapt([call('a'), call('b'), reward(1, { links: { 'gen_ai.response.id': 'a' } })])
    expect(triplets.map(({ reward }) => reward)).toEqual([1, null])
  })

  it('gives linked rewards their call before the others look for one, and tells what was left over', () => {
    const onUnmatchedReward = vi.fn()
    const spans = [call('a'), call('b'), reward(0.5), reward(1, { links: { 'gen_ai.response.id': 'b' } })]
    const triplets = createTripletAdapter({ onUnmatchedReward }).adapt(spans)
    expect(triplets.map(({ reward }) => reward)).toEqual([0.5, 1])
    expect(onUnmatchedReward).not.toHaveBeenCalled()
  })

  it('takes a call that was recorded twice once, with the token ids', () => {
    const byLibrary = span('ai.generateText.doGenerate', { 'gen_ai.response.id': 'a', 'gen_ai.completion.0.role': 'assistant' })
    for (const spans of [
      [call('a'), byLibrary],
      [{ ...byLibrary, sequence_id: 1 }, call('a')],
    ]) {
      const triplets = createTripletAdapter().adapt(spans)
      expect(triplets.map(({ response }) => response.tokenIds)).toEqual([[3]])
    }
  })

  it('refuses unknown options', () => {
    expect(() => createTripletAdapter({ onUnmatched: () => {} } as never)).toThrow(/onUnmatched/)
  })

  it('tells about rewards that belong to no call', () => {
    const onUnmatchedReward = vi.fn()
    createTripletAdapter({ onUnmatchedReward }).adapt([reward(0.7)])
    expect(onUnmatchedReward).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ reward: 0.7 }))
  })

  it('leaves out spans that are no model calls and calls that failed', () => {
    const failed = { ...call('x'), status: { status_code: 'ERROR' as const, description: 'HTTP 500' } }
    expect(createTripletAdapter().adapt([span('agent.step', {}), failed])).toEqual([])
  })
})
