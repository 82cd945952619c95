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

  it('hangs each call under the chat span that the SDK made for it', () => {
    const { spans } = capture()
    const byId = new Map(spans.map((span) => [span.span_id, span]))
    const calls = spans.filter(({ name }) => name === 'openai.chat.completion')
    expect(calls).toHaveLength(40)
    for (const { parent_id: parent, attributes, rollout_id: rolloutId } of calls) {
      const chat = byId.get(parent!)
      expect(chat).toMatchObject({ name: 'chat scripted', rollout_id: rolloutId })
      expect(chat?.attributes['gen_ai.response.id']).toBe(attributes['gen_ai.response.id'])
    }
  })

  it('names the agent', () => {
    const names = capture().spans.flatMap(({ attributes }) => attributes['gen_ai.agent.name'] ?? [])
    expect(names).toEqual(Array(20).fill('clerk'))
  })
})
