import { modelCallAttributes, spanAttributes } from '@agl/types'
import { buildSpan } from '@agl/types/spans'
import { describe, expect, it } from 'vitest'
import type { CollectedRollout } from '../collect.ts'
import { cutMiddle, toTranscript } from './transcript.ts'

const { requestModel, prompt, completion } = modelCallAttributes

function collected(messages: readonly string[], feedback: string): CollectedRollout {
  const said = messages.flatMap((content, index) => [
    [`${prompt}.${index}.role`, index % 2 === 0 ? 'user' : 'assistant'],
    [`${prompt}.${index}.content`, content],
  ])
  const call = {
    [requestModel]: 'actor',
    [`${completion}.0.role`]: 'assistant',
    [`${completion}.0.content`]: 'the end',
    ...Object.fromEntries(said),
  }
  const common = { rolloutId: 'ro-1', attemptId: 'at-1', startTime: 1, endTime: 2 }
  const spans = [
    buildSpan({ ...common, name: 'openai.chat.completion', attributes: call }),
    buildSpan({ ...common, name: 'agentlightning.annotation', attributes: { [spanAttributes.feedback]: feedback } }),
  ].map((span, index) => ({ ...span, sequence_id: index + 1 }))
  return { rollout: { rollout_id: 'ro-1', input: 'x' }, attempt: null, spans, reward: 0, score: 0 } as unknown as CollectedRollout
}

describe('what a critic is shown', () => {
  it('is not longer than asked for, however many messages there are and however long the feedback is', () => {
    for (const count of [1, 9, 999]) {
      const messages = Array.from({ length: count }, (_, index) => `${index}: ${'word '.repeat(40)}`)
      const shown = toTranscript(collected(messages, 'why '.repeat(10_000)), 400)
      const length = shown.messages.reduce((sum, { content }) => sum + content.length, 0)
      expect(length).toBeLessThanOrEqual(400)
      expect(shown.feedback.length).toBeLessThanOrEqual(400)
      expect(shown.messages[0]!.content).toMatch(/^0: /)
      expect(shown.messages.at(-1)!.content).toBe('the end')
    }
  })

  it('has no halves of characters', () => {
    for (let length = 8; length < 20; length += 1) {
      expect(cutMiddle('𝒳'.repeat(40), length).isWellFormed()).toBe(true)
    }
  })
})
