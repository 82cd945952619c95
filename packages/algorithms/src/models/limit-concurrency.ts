import { AglError } from '@agl/types'
import type { ChatModel, ChatRequest } from './chat-model.ts'

/** The same model with at most `limit` calls at a time (whole, at least 1); those beyond wait their turn, in order. */
export function limitConcurrency(model: ChatModel, limit: number): ChatModel {
  if (!Number.isInteger(limit) || limit < 1) {
    throw new AglError({
      code: 'invalid_argument',
      message: `limitConcurrency takes the most calls at a time, a whole number of at least 1; got ${limit}.`,
    })
  }
  let running = 0
  const waiting: (() => void)[] = []

  /** Whoever ends hands its place to the next in line, so that nobody who comes meanwhile gets in before. */
  function leave(): void {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }

  async function enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (running < limit) {
      running += 1
      return
    }
    await new Promise<void>((resolve, reject) => {
      const onTurn = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      const onAbort = (): void => {
        waiting.splice(waiting.indexOf(onTurn), 1)
        reject(signal!.reason as Error)
      }
      waiting.push(onTurn)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  return Object.freeze({
    name: model.name,
    async chat(request: ChatRequest) {
      await enter(request.signal)
      try {
        return await model.chat(request)
      } finally {
        leave()
      }
    },
  })
}
