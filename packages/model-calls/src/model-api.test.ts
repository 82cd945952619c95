import { describe, expect, it } from 'vitest'
import { modelApiOf } from './model-api.ts'

describe('modelApiOf', () => {
  it.each([
    ['https://api.openai.com/v1/chat/completions', 'chat_completions'],
    ['https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2025-01-01', 'chat_completions'],
    ['http://127.0.0.1:8000/rollout/r/attempt/a/v1/completions', 'completions'],
    ['https://api.openai.com/v1/responses/', 'responses'],
    ['https://api.anthropic.com/v1/messages?beta=true#x', 'messages'],
    ['/v1/chat/completions', 'chat_completions'],
  ])('%s is %s', (url, api) => {
    expect(modelApiOf(url)).toBe(api)
  })

  it.each([
    'https://api.anthropic.com/v1/messages/count_tokens',
    'https://api.anthropic.com/v1/messages/batches',
    'https://api.openai.com/v1/responses/resp_1',
    'https://api.openai.com/v1/responses/resp_1/cancel',
    'https://api.openai.com/v1/threads/thread_1/messages',
    'https://api.openai.com/v1/embeddings',
    'https://shop.example/autocompletions',
    'https://shop.example/?next=/chat/completions',
    '',
  ])('%s is none', (url) => {
    expect(modelApiOf(url)).toBeNull()
  })

  it('reads URLs as it reads text', () => {
    expect(modelApiOf(new URL('https://api.openai.com/v1/responses?x=/messages'))).toBe('responses')
  })
})
