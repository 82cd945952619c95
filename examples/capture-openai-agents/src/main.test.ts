import { describeCapture } from '@agl/example-capture-kit/testing'
import { expect, it } from 'vitest'

describeCapture(import.meta.url, (capture) => {
  it('names both agents of every rollout, the handoff between them, and the tool', () => {
    const rollouts = Map.groupBy(capture().spans, (span) => span.rollout_id)
    for (const spans of rollouts.values()) {
      expect(spans.flatMap(({ attributes }) => attributes['gen_ai.agent.name'] ?? []).toSorted()).toEqual(['Clerk', 'Desk'])
      expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['handoff', 'execute_tool get_price']))
    }
  })
})
