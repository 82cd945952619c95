import { describeCapture } from '@agl/example-capture-kit/testing'
import { expect, it } from 'vitest'

describeCapture(import.meta.url, (capture) => {
  it('records token ids, and each turn begins with all of the one before', () => {
    for (const [first, second] of capture().calls) {
      const soFar = [...first!.promptTokenIds!, ...first!.choices[0]!.tokenIds!]
      expect(second!.promptTokenIds!.slice(0, soFar.length)).toEqual(soFar)
      expect(second!.choices[0]!.logprobs).toHaveLength(second!.choices[0]!.tokenIds!.length)
    }
  })

  it('names graph, nodes and tool of every rollout', () => {
    const rollouts = Map.groupBy(capture().spans, (span) => span.rollout_id)
    for (const spans of rollouts.values()) {
      const names = spans.map(({ name }) => name)
      expect(names).toEqual(expect.arrayContaining(['invoke_agent shop', 'clerk', 'tools', 'execute_tool get_price']))
    }
  })
})
