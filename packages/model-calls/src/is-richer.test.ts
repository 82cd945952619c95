import { expect, test } from 'vitest'
import { unknownCall } from './dialect.ts'
import { isRicher } from './is-richer.ts'
import type { ModelCall, ModelChoice } from './model-call.ts'

const choice: ModelChoice = { message: { role: 'assistant', content: 'Hi' }, finishReason: null, tokenIds: null, logprobs: null }
const user = { role: 'user', content: 'Hello' }
const toolCall = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } } as const

/** Each says more than the one before. */
const ranked: readonly ModelCall[] = [
  unknownCall,
  { ...unknownCall, usage: { inputTokens: 1, outputTokens: 1 } },
  { ...unknownCall, choices: [{ ...choice, message: { role: 'assistant', content: null } }] },
  { ...unknownCall, choices: [choice] },
  { ...unknownCall, choices: [{ ...choice, message: { ...choice.message, tool_calls: [toolCall] } }] },
  { ...unknownCall, messages: [user], choices: [choice] },
  { ...unknownCall, messages: [user, user], choices: [] },
  { ...unknownCall, choices: [{ ...choice, logprobs: [{ token: 'Hi', logprob: 0 }] }] },
  { ...unknownCall, promptTokenIds: [1] },
  { ...unknownCall, promptTokenIds: [1], choices: [{ ...choice, tokenIds: [2] }] },
  { ...unknownCall, promptTokenIds: [1], choices: [{ ...choice, tokenIds: [2] }, choice] },
  { ...unknownCall, promptTokenIds: [1], choices: [2, 3].map((id) => ({ ...choice, tokenIds: [id] })) },
]

test('token ids decide, then log-probabilities, then how much was said; between equals neither is richer', () => {
  for (const [a, first] of ranked.entries()) {
    for (const [b, second] of ranked.entries()) expect([a, b, isRicher(first, second)]).toEqual([a, b, a > b])
  }
})
