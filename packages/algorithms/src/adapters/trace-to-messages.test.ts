import type { Attributes } from '@agl/types'
import { describe, expect, it } from 'vitest'
import { toJsonLines } from './json-lines.ts'
import { kindsOf, makeCall, makeSpan } from './spans.test-support.ts'
import { traceToMessages } from './trace-to-messages.ts'

const asking: Attributes = {
  'gen_ai.prompt.0.role': 'user',
  'gen_ai.prompt.0.content': 'Find a room.',
  'gen_ai.request.functions.0.name': 'get_rooms',
  'gen_ai.request.functions.0.description': 'Rooms that are free',
  'gen_ai.request.functions.0.parameters': '{"type":"object"}',
  'gen_ai.completion.0.role': 'assistant',
  'gen_ai.completion.0.finish_reason': 'tool_calls',
}
const answering: Attributes = {
  'gen_ai.prompt.0.role': 'user',
  'gen_ai.prompt.0.content': 'Find a room.',
  'gen_ai.prompt.1.role': 'assistant',
  'gen_ai.prompt.1.tool_calls.0.id': 'call_1',
  'gen_ai.prompt.1.tool_calls.0.name': 'get_rooms',
  'gen_ai.prompt.1.tool_calls.0.arguments': '{"day":1}',
  'gen_ai.prompt.1.tool_calls.1.id': 'call_2',
  'gen_ai.prompt.1.tool_calls.1.name': 'get_rooms',
  'gen_ai.prompt.1.tool_calls.1.arguments': '{"day":2}',
  'gen_ai.prompt.2.role': 'tool',
  'gen_ai.prompt.2.tool_call_id': 'call_1',
  'gen_ai.prompt.2.content': '["Lyra"]',
  'gen_ai.prompt.3.role': 'tool',
  'gen_ai.prompt.3.tool_call_id': 'call_2',
  'gen_ai.prompt.3.content': '[]',
  'gen_ai.completion.0.role': 'assistant',
  'gen_ai.completion.0.content': 'Lyra is free.',
}
const tool = (id: string, parent: string, callId: string | null, day: number) =>
  makeSpan(id, {
    parent,
    name: 'tool_call.get_rooms',
    attributes: {
      'tool.name': 'get_rooms',
      'tool.parameters': `{"day":${day}}`,
      'tool.call.type': 'function',
      ...(callId === null ? {} : { 'tool.call.id': callId }),
    },
  })
const ask = makeSpan('ask', { sequence: 1, attributes: asking })
const answer = makeSpan('answer', { sequence: 5, attributes: { ...answering, 'gen_ai.request.functions.0.name': 'get_rooms' } })
const toolCall = (id: string, day: number) => ({
  id,
  type: 'function',
  function: { name: 'get_rooms', arguments: `{"day":${day}}` },
})

describe('traceToMessages', () => {
  it('writes a conversation for each call, with parallel tool calls from the spans below it', () => {
    const spans = [
      tool('t1', 'ask', 'call_1', 1),
      tool('t2', 'ask', 'call_2', 2),
      tool('t1-again', 'ask', 'call_1', 9),
      ask,
      answer,
    ]
    const { examples, findings } = traceToMessages().report(spans)
    const called = { role: 'assistant', content: null, tool_calls: [toolCall('call_1', 1), toolCall('call_2', 2)] }
    expect(examples).toEqual([
      {
        messages: [{ role: 'user', content: 'Find a room.' }, called],
        tools: [
          {
            type: 'function',
            function: { name: 'get_rooms', description: 'Rooms that are free', parameters: { type: 'object' } },
          },
        ],
      },
      {
        messages: [
          { role: 'user', content: 'Find a room.' },
          called,
          { role: 'tool', tool_call_id: 'call_1', content: '["Lyra"]' },
          { role: 'tool', tool_call_id: 'call_2', content: '[]' },
          { role: 'assistant', content: 'Lyra is free.' },
        ],
        tools: [{ type: 'function', function: { name: 'get_rooms' } }],
      },
    ])
    expect(findings).toEqual([])
  })

  it("prefers the answer's own tool calls", () => {
    const own = {
      'gen_ai.completion.0.tool_calls.0.id': 'own',
      'gen_ai.completion.0.tool_calls.0.name': 'get_rooms',
      'gen_ai.completion.0.tool_calls.0.arguments': '{"day":3}',
    }
    const [example] = traceToMessages().adapt([
      makeSpan('ask', { attributes: { ...asking, ...own } }),
      tool('t1', 'ask', 'call_1', 1),
    ])
    expect(example!.messages.at(-1)).toEqual({ role: 'assistant', content: null, tool_calls: [toolCall('own', 3)] })
  })

  it('tells tool calls without an id and answers without content', () => {
    const { examples, findings } = traceToMessages().report([ask, tool('t1', 'ask', null, 1), makeCall('c')])
    expect(examples).toHaveLength(1)
    expect(kindsOf(findings)).toEqual(['tool_call_without_id t1', 'call_without_answer ask'])
  })

  it("keeps a judge's conversation unless told otherwise, and only the agents asked for", () => {
    const judging = makeSpan('judging', {
      name: 'agentlightning.operation',
      attributes: { 'agentlightning.operation.name': 'agentlightning.reward' },
    })
    const spans = [makeCall('own'), judging, makeCall('judge', { parent: 'judging' })]
    expect(traceToMessages().adapt(spans)).toHaveLength(2)
    expect(traceToMessages({ excludeCallsInReward: true }).adapt(spans)).toHaveLength(1)
    expect(traceToMessages({ agentMatch: 'nobody' }).adapt(spans)).toEqual([])
  })

  it('keeps the longest form of each conversation when told to merge', () => {
    const turn = (id: string, texts: readonly string[]) =>
      makeSpan(id, {
        attributes: Object.fromEntries(
          texts.flatMap((text, index): [string, string][] => {
            const key = index === texts.length - 1 ? 'gen_ai.completion.0' : `gen_ai.prompt.${index}`
            return [
              [`${key}.role`, index % 2 === 0 ? 'user' : 'assistant'],
              [`${key}.content`, text],
            ]
          }),
        ),
      })
    const spans = [
      turn('a', ['1', '2']),
      turn('b', ['x', 'y']),
      turn('c', ['1', '2', '3', '4']),
      turn('d', ['1', '2', '5', '6']),
      turn('e', ['x', 'y']),
    ]
    const { examples, findings } = traceToMessages({ mergeConversations: true }).report(spans)
    expect(examples.map(({ messages }) => messages.map(({ content }) => content).join(''))).toEqual(['1234', '1256', 'xy'])
    expect(findings).toMatchObject([
      { kind: 'conversation_merged', spanId: 'a', keptSpanId: 'd' },
      { kind: 'conversation_merged', spanId: 'b', keptSpanId: 'e' },
    ])
    expect(traceToMessages().adapt(spans)).toHaveLength(5)
  })

  it('refuses options that it does not know', () => {
    expect(() => traceToMessages({ rewardMatch: null } as never)).toThrow(/rewardMatch/)
  })
})

describe('toJsonLines', () => {
  it('writes a line for each example, without tools where there are none', () => {
    const messages = [{ role: 'user', content: 'a\nb' }]
    expect(
      toJsonLines([
        { messages, tools: null },
        { messages, tools: [] },
      ]),
    ).toBe('{"messages":[{"role":"user","content":"a\\nb"}]}\n{"messages":[{"role":"user","content":"a\\nb"}],"tools":[]}\n')
    expect(toJsonLines([])).toBe('')
  })
})
