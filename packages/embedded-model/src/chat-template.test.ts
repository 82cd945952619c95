import { expect, it } from 'vitest'
import { type ChatMessage, encodeChat, encodeConversation } from './chat-template.ts'
import { buildTokenizer } from './tokenizer.ts'

const tokenizer = buildTokenizer(['abc'])
const messages: readonly ChatMessage[] = [
  { role: 'system', content: 'a' },
  { role: 'user', content: 'b' },
  { role: 'assistant', content: 'ca' },
  { role: 'tool', content: '' },
]
const read = (tokens: readonly number[]): string => tokens.map((token) => tokenizer.vocabulary[token]).join(' ')

it('writes role, content and end of each message, then the role of the assistant', () => {
  const text = '<system> a <end> <user> b <end> <assistant> c a <end> <tool> <end>'
  expect(read(encodeChat(tokenizer, messages))).toBe(`${text} <assistant>`)
  expect(read(encodeConversation(tokenizer, messages).tokens)).toBe(text)
})

it('teaches what the assistant wrote and its end, nothing else', () => {
  const { tokens, weights } = encodeConversation(tokenizer, messages)
  expect(weights).toHaveLength(tokens.length)
  expect(read(tokens.filter((_, i) => weights[i] === 1))).toBe('c a <end>')
})

it('refuses what it cannot express and says which message', () => {
  const refuse =
    (message: object): (() => number[]) =>
    () =>
      encodeChat(tokenizer, [messages[0]!, message as ChatMessage])
  expect(refuse({ role: 'assistant', content: '', tool_calls: [{}] })).toThrow(/Message 1: tool_calls/)
  expect(refuse({ role: 'assistant', content: null })).toThrow(/Message 1: expected content to be a string, got null/)
  expect(refuse({ role: 'developer', content: 'a' })).toThrow(/got "developer"/)
})
