import { describeCapture } from '@agl/example-capture-kit/testing'
import { expect, it } from 'vitest'

describeCapture(import.meta.url, (capture) => {
  it("hangs each call under the span of the client's own instrumentation", () => {
    const { spans } = capture()
    const byId = new Map(spans.map((span) => [span.span_id, span]))
    const calls = spans.filter(({ name }) => name === 'openai.chat.completion')
    expect(calls).toHaveLength(40)
    for (const { parent_id: parent } of calls) expect(byId.get(parent!)?.name).toBe('anthropic.messages.create')
  })
})
