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
})
