import { expect, it } from 'vitest'
import { llmProxyTraceToTriplets } from './llm-proxy-trace-to-triplets.ts'
import { kindsOf, makeCall, makeSpan } from './spans.test-support.ts'
import { traceToMessages } from './trace-to-messages.ts'
import { traceToTokenRows } from './trace-to-token-rows.ts'
import { traceToTriplets } from './trace-to-triplets.ts'

/** As a scorer of the runner records it, in a trace of its own behind the agent's. */
const spans = [
  makeCall('own'),
  makeSpan('scoring', {
    name: 'agentlightning.operation',
    attributes: { 'agentlightning.operation.name': 'agentlightning.reward', 'agentlightning.tag.0': 'grader', scorer: 'correct' },
  }),
  makeSpan('thinking', { parent: 'scoring' }),
  makeCall('judge', { parent: 'thinking' }),
]

it.each([
  ['traceToTriplets', traceToTriplets()],
  ['traceToTriplets that learns from judges', traceToTriplets({ excludeCallsInReward: false })],
  ['llmProxyTraceToTriplets', llmProxyTraceToTriplets()],
  ['traceToMessages', traceToMessages()],
])('%s leaves out the calls of scorers', (_name, adapter) => {
  expect(adapter.adapt(spans)).toHaveLength(1)
  expect(JSON.stringify(adapter.adapt(spans))).not.toContain('judge')
  expect(kindsOf(adapter.report(spans).findings)).toContain('call_in_reward judge')
})

it('traceToTokenRows leaves them out', () => {
  expect(traceToTokenRows().adapt(spans)).toHaveLength(1)
})
