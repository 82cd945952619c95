import { describeCapture } from '@agl/example-capture-kit/testing'
import { expect, it } from 'vitest'

describeCapture(import.meta.url, (capture) => {
  it('records instructions and tools of Responses', () => {
    for (const call of capture().calls.flat()) {
      expect(call.messages[0]).toEqual({ role: 'system', content: 'You are a clerk. Look prices up.' })
      expect(call.tools?.map((tool) => tool.function.name)).toEqual(['get_price'])
    }
  })
})
