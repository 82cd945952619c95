import { describe, expect, it } from 'vitest'
import type { ChatModel, ChatReply, ChatRequest } from './chat-model.ts'
import { limitConcurrency } from './limit-concurrency.ts'

const request = (content: string, signal?: AbortSignal): ChatRequest => ({
  messages: [{ role: 'user', content }],
  ...(signal !== undefined && { signal }),
})

/** Answers when it is told to. */
function heldModel(): ChatModel & { readonly begun: string[]; end(error?: Error): Promise<void> } {
  const begun: string[] = []
  const held: ((error?: Error) => void)[] = []
  return {
    name: 'held',
    begun,
    chat: ({ messages }) =>
      new Promise<ChatReply>((resolve, reject) => {
        const text = messages[0]!.content
        begun.push(text)
        held.push((error) => (error === undefined ? resolve({ text, usage: null, finishReason: 'stop' }) : reject(error)))
      }),
    async end(error) {
      held.shift()!(error)
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

describe('limitConcurrency', () => {
  it('runs so many calls at a time, the others in order, whatever becomes of them', async () => {
    const held = heldModel()
    const model = limitConcurrency(held, 2)
    expect(model.name).toBe('held')
    const stop = new AbortController()
    const calls = ['a', 'b', 'c', 'd', 'e'].map((name) => model.chat(request(name, name === 'd' ? stop.signal : undefined)))
    const settled = Promise.allSettled(calls)
    await Promise.resolve()
    expect(held.begun).toEqual(['a', 'b'])
    stop.abort(new Error('enough'))
    await held.end(new Error('broken'))
    expect(held.begun).toEqual(['a', 'b', 'c'])
    // Who comes now waits behind those that wait.
    const late = model.chat(request('f'))
    await held.end()
    expect(held.begun).toEqual(['a', 'b', 'c', 'e'])
    for (let left = 0; left < 3; left += 1) await held.end()
    expect(held.begun).toEqual(['a', 'b', 'c', 'e', 'f'])
    expect(
      (await settled).map((result) => (result.status === 'fulfilled' ? result.value.text : (result.reason as Error).message)),
    ).toEqual(['broken', 'b', 'c', 'enough', 'e'])
    expect((await late).text).toBe('f')
  })

  it('lets nobody in whose signal is aborted already', async () => {
    const held = heldModel()
    const model = limitConcurrency(held, 1)
    await expect(model.chat(request('a', AbortSignal.abort(new Error('before'))))).rejects.toThrow('before')
    const call = model.chat(request('b'))
    await Promise.resolve()
    await held.end()
    expect((await call).text).toBe('b')
  })

  it.each([0, 1.5, Number.NaN])('refuses %j', (limit) => {
    expect(() => limitConcurrency(heldModel(), limit)).toThrow(/at least 1/)
  })
})
